//! Where webhooks may go. Whoever may set one up must not be able to reach with it what only this server can: the
//! machine itself, its network, the cloud's metadata. Pure; the sender asks it about every address before it connects.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{PoisonError, RwLock};
use url::{Host, Url};

/// Ports that a receiver may listen on, beside those that are allowed by name.
const PORTS: [u16; 2] = [443, 8443];

/// Receivers that are exempt, as they were configured: `host:port`.
static ALLOWED: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// Exempts receivers, each as `host:port`, for the whole process: on-premises systems, and tests.
pub fn allow(receivers: &[String]) {
    let mut allowed = ALLOWED.write().unwrap_or_else(PoisonError::into_inner);
    for receiver in receivers {
        let receiver = receiver.to_ascii_lowercase();
        if !allowed.contains(&receiver) {
            allowed.push(receiver);
        }
    }
}

/// Whether a receiver is exempt.
fn is_allowed(host: &str, port: u16) -> bool {
    let receiver = format!("{host}:{port}").to_ascii_lowercase();
    ALLOWED.read().unwrap_or_else(PoisonError::into_inner).contains(&receiver)
}

/// A receiver whose URL is fine.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// The URL as it is asked for.
    pub url: Url,
    /// Whether its addresses need no check.
    pub is_exempt: bool,
}

/// What is wrong with a URL, for whoever wrote it; else the receiver. Names are resolved when something is sent: what a
/// name means today says nothing about then.
pub fn check(text: &str) -> Result<Receiver, String> {
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("A URL has no spaces and no control characters.".into());
    }
    let url = Url::parse(text).map_err(|_| "Expected a URL such as https://example.com/hooks.".to_owned())?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or("The URL names no host.")?;
    let port = url.port_or_known_default().ok_or("The URL names no port.")?;
    if !["https", "http"].contains(&url.scheme()) {
        return Err("Expected https.".into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("A URL with a user or a password is not taken: what is sent is signed.".into());
    }
    if url.fragment().is_some() {
        return Err("A URL with a fragment is not taken.".into());
    }
    if is_allowed(host, port) {
        return Ok(Receiver { url, is_exempt: true });
    }
    if url.scheme() != "https" {
        return Err("Expected https.".into());
    }
    if !PORTS.contains(&port) {
        return Err(format!("Port {port} is not taken; expected 443 or 8443."));
    }
    let fits = match url.host() {
        Some(Host::Ipv4(address)) => is_public(address.into()),
        Some(Host::Ipv6(address)) => is_public(address.into()),
        Some(Host::Domain(name)) => is_public_name(name),
        None => false,
    };
    if !fits {
        return Err("The host is not one of the public Internet.".into());
    }
    Ok(Receiver { url, is_exempt: false })
}

/// The addresses of a name, if all of them may be connected to; one that may not spoils the rest, as nobody mixes them
/// with good intent.
pub fn all_public(addresses: Vec<SocketAddr>) -> Option<Vec<SocketAddr>> {
    let fine = !addresses.is_empty() && addresses.iter().all(|address| is_public(address.ip()));
    fine.then_some(addresses)
}

/// Names that never stand for something public.
fn is_public_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let last = name.rsplit('.').next().unwrap_or_default();
    name.contains('.')
        && ![
            "localhost",
            "local",
            "localdomain",
            "internal",
            "intranet",
            "lan",
            "home",
            "corp",
            "private",
            "test",
            "invalid",
            "onion",
            "arpa",
        ]
        .contains(&last)
}

/// Whether an address is one of the public Internet, whatever it is wrapped in.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Everything that the registry of special addresses (RFC 6890 and its updates) does not call globally reachable.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let within = |network: [u8; 4], bits: u32| {
        let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
        address.to_bits() & mask == Ipv4Addr::from(network).to_bits() & mask
    };
    const RESERVED: [([u8; 4], u32); 17] = [
        ([0, 0, 0, 0], 8),
        ([10, 0, 0, 0], 8),
        ([100, 64, 0, 0], 10),
        ([127, 0, 0, 0], 8),
        ([169, 254, 0, 0], 16),
        ([172, 16, 0, 0], 12),
        ([192, 0, 0, 0], 24),
        ([192, 0, 2, 0], 24),
        ([192, 31, 196, 0], 24),
        ([192, 52, 193, 0], 24),
        ([192, 88, 99, 0], 24),
        ([192, 168, 0, 0], 16),
        ([192, 175, 48, 0], 24),
        ([198, 18, 0, 0], 15),
        ([198, 51, 100, 0], 24),
        ([203, 0, 113, 0], 24),
        // Multicast, what is kept for later, and broadcast.
        ([224, 0, 0, 0], 3),
    ];
    !RESERVED.iter().any(|(network, bits)| within(*network, *bits))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match (a, b, c, d, e, f) {
        // IPv4 in IPv6: mapped, compatible, translated, and by NAT64. What counts is where it comes out.
        (0, 0, 0, 0, 0, 0xffff) => is_public_v4(v4(g, h)),
        (0, 0, 0, 0, 0, 0) => false,
        (0, 0, 0, 0, 0xffff, 0) => is_public_v4(v4(g, h)),
        (0x64, 0xff9b, 0, 0, 0, 0) => is_public_v4(v4(g, h)),
        // 6to4.
        (0x2002, high, low, ..) => is_public_v4(v4(high, low)),
        // Teredo, ORCHID, benchmarks and everything else below 2001:200::/23; documentation.
        (0x2001, b, ..) if b < 0x200 || b == 0xdb8 => false,
        (0x3fff, b, ..) if b < 0x1000 => false,
        // What is given out to the Internet at all.
        (a, ..) => (0x2000..0x4000).contains(&a),
    }
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
