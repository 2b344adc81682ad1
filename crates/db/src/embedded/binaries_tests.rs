//! Tests of where the binaries are looked for.

use super::*;

fn versions(dir: &Path) -> io::Result<Option<u32>> {
    match dir.to_str() {
        Some("/none") => Ok(None),
        Some("/locked") => Err(io::Error::from(io::ErrorKind::PermissionDenied)),
        Some(dir) => Ok(leading_number(dir.trim_start_matches('/'))),
        None => Ok(None),
    }
}

fn pick(dirs: &[&str], explicit: bool, wanted: Option<u32>) -> Result<Binaries, EmbeddedError> {
    let dirs: Vec<PathBuf> = dirs.iter().map(PathBuf::from).collect();
    choose(&dirs, explicit, Path::new("/data/postgres"), wanted, versions)
}

#[test]
fn the_major_version_is_read_from_every_known_spelling() {
    for (said, major) in [
        ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", Some(15)),
        ("postgres (PostgreSQL) 18.4\n", Some(18)),
        ("postgres (PostgreSQL) 18beta1", Some(18)),
        ("postgres: command failed", None),
        ("", None),
    ] {
        assert_eq!(major_of(said), major, "{said}");
    }
}

#[test]
fn the_first_supported_version_wins() {
    let found = pick(&["/none", "/19", "/14", "/17", "/16"], false, None).unwrap();
    assert_eq!(found, Binaries { dir: "/17".into(), major: 17 });
}

#[test]
fn an_existing_cluster_decides_the_version() {
    assert_eq!(pick(&["/18", "/15"], false, Some(15)).unwrap().major, 15);
    let error = pick(&["/18", "/17"], false, Some(15)).unwrap_err();
    assert!(matches!(error, EmbeddedError::OtherMajor { written_by: 15, ref available, .. } if available == &[18, 17]));
}

#[test]
fn each_failure_has_its_own_error() {
    assert!(matches!(pick(&["/none"], false, None), Err(EmbeddedError::NotFound)));
    assert!(matches!(pick(&["/none"], true, None), Err(EmbeddedError::Unusable { .. })));
    assert!(matches!(pick(&["/14"], false, None), Err(EmbeddedError::Unsupported { major: 14, .. })));
    assert!(matches!(pick(&["/locked"], false, None), Err(EmbeddedError::Unusable { .. })));
}

#[test]
fn a_link_on_the_path_leads_to_the_real_folder() {
    let base = std::env::temp_dir().join(format!("kith-path-{}", std::process::id()));
    let (real, links) = (base.join("real"), base.join("links"));
    fs::create_dir_all(&real).unwrap();
    fs::create_dir_all(&links).unwrap();
    fs::write(real.join("initdb"), "").unwrap();
    std::os::unix::fs::symlink(real.join("initdb"), links.join("initdb")).unwrap();
    let found = on_path(Some(links.into_os_string()));
    let expected = fs::canonicalize(&real).unwrap();
    fs::remove_dir_all(&base).unwrap();
    assert_eq!(found, [expected]);
    assert!(on_path(None).is_empty());
}
