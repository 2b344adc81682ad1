//! The Ed25519 keys that sign access tokens: PKCS#8 in PEM blocks, all in one file. The first signs, all verify.
//!
//! Rotation puts a new key in front and keeps the two before it, far longer than a token lives. A running server looks
//! at the file every few seconds, and at once when it meets a key id that it does not know.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs::{self, OpenOptions};
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

/// Keys kept in the file.
const KEEP: usize = 3;
/// Milliseconds between two looks at the file.
const LOOK_EVERY: u64 = 2_000;
/// A file of three keys has some 400 bytes.
const MOST_BYTES: u64 = 64 * 1024;
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// One key.
pub struct Key {
    /// Its RFC 7638 thumbprint.
    pub kid: String,
    /// Signs.
    pub encoding: EncodingKey,
    /// Verifies.
    pub decoding: DecodingKey,
    x: String,
    der: Vec<u8>,
}

impl Key {
    fn generate() -> Result<Key> {
        let pair = Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8v1()).map_err(Error::other)?;
        Key::from_der(pair.as_ref().to_vec())
    }

    fn from_der(der: Vec<u8>) -> Result<Key> {
        let pair = Ed25519KeyPair::from_pkcs8(&der).map_err(|_| broken("a block is no Ed25519 key"))?;
        let x = URL_SAFE_NO_PAD.encode(pair.public_key());
        // The members of the thumbprint stand in the order of their names, without spaces.
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        Ok(Key {
            kid: URL_SAFE_NO_PAD.encode(Sha256::digest(canonical)),
            encoding: EncodingKey::from_ed_der(&der),
            decoding: DecodingKey::from_ed_components(&x).map_err(Error::other)?,
            x,
            der,
        })
    }

    fn pem(&self) -> String {
        let text = STANDARD.encode(&self.der);
        let mut lines = vec![BEGIN.to_owned()];
        lines.extend(text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()));
        lines.push(format!("{END}\n"));
        lines.join("\n")
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", self.kid)
    }
}

fn broken(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("signing keys: {what}"))
}

/// The keys as they were at one time; there is at least one.
#[derive(Debug)]
pub struct KeySet {
    /// Differs from that of every other set this process has had.
    pub generation: u64,
    keys: Vec<Key>,
}

impl KeySet {
    /// The key that signs.
    pub fn signing(&self) -> Option<&Key> {
        self.keys.first()
    }

    /// The key of that id.
    pub fn get(&self, kid: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.kid == kid)
    }
}

/// Tells one state of the file from another: time of change, length, inode.
type Stamp = (i64, i64, u64, u64);

struct Current {
    keys: Arc<KeySet>,
    stamp: Option<Stamp>,
}

/// The signing keys of this installation.
pub struct SigningKeys {
    /// None: they live in memory only.
    path: Option<PathBuf>,
    current: RwLock<Current>,
    started: Instant,
    looked_at: AtomicU64,
}

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKeys({:?})", self.path)
    }
}

impl SigningKeys {
    /// Reads the file, or makes it with one new key, readable by its owner only. Of several processes that make it at
    /// once, one wins and the others read what it wrote.
    pub fn load_or_create(path: &Path) -> Result<Self> {
        if !path.try_exists()? {
            match write(path, &Key::generate()?.pem(), false) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        let (keys, stamp) = read(path)?;
        Ok(SigningKeys::new(Some(path.to_owned()), keys, Some(stamp)))
    }

    /// One new key that dies with the process, for tests and trials.
    pub fn in_memory() -> Result<Self> {
        Ok(SigningKeys::new(None, vec![Key::generate()?], None))
    }

    fn new(path: Option<PathBuf>, keys: Vec<Key>, stamp: Option<Stamp>) -> Self {
        let current = Current { keys: Arc::new(KeySet { generation: 1, keys }), stamp };
        SigningKeys { path, current: RwLock::new(current), started: Instant::now(), looked_at: AtomicU64::new(0) }
    }

    /// Puts a new key in front of those in the file, keeps three in all; the new key's id.
    pub fn rotate(path: &Path) -> Result<String> {
        let new = Key::generate()?;
        let mut keys = vec![new];
        keys.extend(read(path)?.0);
        keys.truncate(KEEP);
        write(path, &keys.iter().map(Key::pem).collect::<String>(), true)?;
        Ok(keys.first().map(|key| key.kid.clone()).unwrap_or_default())
    }

    /// The keys now. Looks at the file if it did not do so lately.
    pub fn current(&self) -> Arc<KeySet> {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let last = self.looked_at.load(Ordering::Relaxed);
        let due = now.saturating_sub(last) >= LOOK_EVERY;
        // Only the one who writes the new time looks; the others go on with what is there.
        if due && self.looked_at.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.look();
        }
        self.held()
    }

    fn held(&self) -> Arc<KeySet> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).keys.clone()
    }

    /// The keys, when `kid` is among them or came into the file just now.
    pub fn knowing(&self, kid: &str) -> Option<Arc<KeySet>> {
        let keys = self.current();
        if keys.get(kid).is_some() {
            return Some(keys);
        }
        self.look();
        Some(self.held()).filter(|keys| keys.get(kid).is_some())
    }

    /// A file that cannot be read leaves the keys as they are: tokens in use go on working.
    fn look(&self) {
        if let Err(error) = self.reload_if_changed() {
            tracing::error!(%error, "the signing keys could not be read again");
        }
    }

    /// Reads the file again if it changed since it was read; whether it did.
    pub fn reload_if_changed(&self) -> Result<bool> {
        let Some(path) = &self.path else { return Ok(false) };
        let seen = Some(stamp(&fs::metadata(path)?));
        if self.current.read().unwrap_or_else(PoisonError::into_inner).stamp == seen {
            return Ok(false);
        }
        let (keys, stamp) = read(path)?;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let generation = current.keys.generation.saturating_add(1);
        *current = Current { keys: Arc::new(KeySet { generation, keys }), stamp: Some(stamp) };
        Ok(true)
    }

    /// The public keys as a JWK set (RFC 7517).
    pub fn jwks(&self) -> Value {
        let keys = self.current();
        let jwk = |key: &Key| json!({"kty": "OKP", "crv": "Ed25519", "x": key.x, "kid": key.kid, "use": "sig", "alg": "EdDSA"});
        json!({"keys": keys.keys.iter().map(jwk).collect::<Vec<_>>()})
    }
}

fn stamp(metadata: &fs::Metadata) -> Stamp {
    (metadata.mtime(), metadata.mtime_nsec(), metadata.len(), metadata.ino())
}

fn read(path: &Path) -> Result<(Vec<Key>, Stamp)> {
    let file = fs::File::open(path)?;
    let stamp = stamp(&file.metadata()?);
    let mut text = String::new();
    file.take(MOST_BYTES).read_to_string(&mut text)?;
    Ok((parse(&text)?, stamp))
}

/// The keys of all PEM blocks; what stands between blocks is a comment.
fn parse(text: &str) -> Result<Vec<Key>> {
    let mut keys = Vec::new();
    let mut block: Option<String> = None;
    for line in text.lines().map(str::trim) {
        block = match (line, block) {
            (BEGIN, None) => Some(String::new()),
            (END, Some(body)) => {
                let der = STANDARD.decode(body).map_err(|_| broken("a block is not base64"))?;
                keys.push(Key::from_der(der)?);
                None
            }
            (line, Some(body)) => Some(body + line),
            (line, None) if line.starts_with("-----") => return Err(broken("a block of another kind")),
            (_, None) => None,
        };
    }
    match (block, keys.is_empty()) {
        (Some(_), _) => Err(broken("a block without an end")),
        (None, true) => Err(broken("no key in the file")),
        (None, false) => Ok(keys),
    }
}

/// Writes the whole file beside its place and moves it there in one step, so that nobody reads half of it.
fn write(path: &Path, text: &str, replace: bool) -> Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(beside);
    // What a process of the same number left behind when it was killed.
    fs::remove_file(&beside).or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    if replace {
        return fs::rename(&beside, path);
    }
    // A hard link, unlike a rename, never replaces what is there.
    let placed = fs::hard_link(&beside, path);
    fs::remove_file(&beside)?;
    placed
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn place(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("kith-keys-{}-{name}.pem", std::process::id()));
        fs::remove_file(&path).ok();
        path
    }

    fn kids(keys: &SigningKeys) -> Vec<String> {
        let of = |key: &Value| key["kid"].as_str().unwrap().to_owned();
        keys.jwks()["keys"].as_array().unwrap().iter().map(of).collect()
    }

    #[test]
    fn the_file_is_made_once_for_its_owner_alone() {
        let path = place("made");
        let made = SigningKeys::load_or_create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(kids(&made), kids(&SigningKeys::load_or_create(&path).unwrap()));
        assert_eq!(write(&path, "other", false).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(kids(&made), kids(&SigningKeys::load_or_create(&path).unwrap()));
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn rotation_puts_a_key_in_front_and_a_running_server_follows() {
        let path = place("rotated");
        let running = SigningKeys::load_or_create(&path).unwrap();
        let first = kids(&running);
        assert!(!running.reload_if_changed().unwrap());
        let second = SigningKeys::rotate(&path).unwrap();
        assert!(running.knowing("unheard of").is_none());
        assert!(running.knowing(&second).is_some(), "an unknown key id makes it look at once");
        assert_eq!(kids(&running), [second.clone(), first[0].clone()]);
        assert_eq!(running.held().signing().map(|key| key.kid.clone()), Some(second.clone()));
        let (third, fourth) = (SigningKeys::rotate(&path).unwrap(), SigningKeys::rotate(&path).unwrap());
        assert!(running.reload_if_changed().unwrap());
        assert_eq!(kids(&running), [fourth, third, second]);
        assert_eq!(running.held().generation, 3);
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_broken_file_leaves_the_keys_as_they_are() {
        let path = place("broken");
        let running = SigningKeys::load_or_create(&path).unwrap();
        let before = kids(&running);
        let good = fs::read_to_string(&path).unwrap();
        let cut = good.replace(END, "");
        for bad in [
            "",
            "nothing",
            cut.as_str(),
            &good.replace("PRIVATE", "PUBLIC"),
            &good.replace("MC4C", "MC4D"),
            &format!("{BEGIN}\n!\n{END}"),
        ] {
            fs::write(&path, bad).unwrap();
            assert!(running.reload_if_changed().is_err(), "{bad}");
            assert_eq!(kids(&running), before);
        }
        fs::write(&path, format!("# of the staging server\n{good}")).unwrap();
        assert!(running.reload_if_changed().unwrap());
        assert_eq!(kids(&running), before);
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn the_key_id_is_the_thumbprint_of_rfc_7638() {
        // The key of RFC 8037, appendix A: its thumbprint stands in A.3.
        let seed = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let key = Key::from_der(pair.to_pkcs8v1().unwrap().as_ref().to_vec()).unwrap();
        assert_eq!(key.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(parse(&key.pem()).unwrap()[0].kid, key.kid);
    }
}
