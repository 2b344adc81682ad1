//! The many ways to write what must not be reached.

use super::*;

fn refused(text: &str) {
    assert!(check(text).is_err(), "{text} is taken: {:?}", check(text));
}

#[test]
fn every_spelling_of_loopback_is_refused() {
    let hosts = [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "127.255.255.254",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "0177.0.0.0x1",
        "127.0x0.0.1",
        "00000177.0.0.1",
        "0",
        "0.0.0.0",
        "0x0",
        "000",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "foo.localhost",
        "localhost.localdomain",
        "ip6-localhost",
        "127。0。0。1",
        "127．0．0．1",
        "１２７.0.0.1",
        "①②⑦.0.0.1",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "loc%61lhost",
        "ｌｏｃａｌｈｏｓｔ",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[0000::0001]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[2002:7f00:0001:0:0:0:0:1]",
        "[2001:0:7f00:1::]",
        "[2001:0000:4136:e378:8000:63bf:80ff:fffe]",
        "[fe80::1]",
        "[fc00::1]",
    ];
    assert!(hosts.len() >= 40);
    for host in hosts {
        refused(&format!("https://{host}/hook"));
        refused(&format!("https://{host}:8443/hook"));
    }
}

#[test]
fn no_reserved_range_is_public_from_its_first_address_to_its_last() {
    let ranges = [
        ("0.0.0.0", "0.255.255.255"),
        ("10.0.0.0", "10.255.255.255"),
        ("100.64.0.0", "100.127.255.255"),
        ("127.0.0.0", "127.255.255.255"),
        ("169.254.0.0", "169.254.255.255"),
        ("172.16.0.0", "172.31.255.255"),
        ("192.0.0.0", "192.0.0.255"),
        ("192.0.2.0", "192.0.2.255"),
        ("192.31.196.0", "192.31.196.255"),
        ("192.52.193.0", "192.52.193.255"),
        ("192.88.99.0", "192.88.99.255"),
        ("192.168.0.0", "192.168.255.255"),
        ("192.175.48.0", "192.175.48.255"),
        ("198.18.0.0", "198.19.255.255"),
        ("198.51.100.0", "198.51.100.255"),
        ("203.0.113.0", "203.0.113.255"),
        ("224.0.0.0", "239.255.255.255"),
        ("240.0.0.0", "255.255.255.255"),
    ];
    for (first, last) in ranges {
        for text in [first, last] {
            let v4: Ipv4Addr = text.parse().unwrap();
            assert!(!is_public(v4.into()), "{v4}");
            let [a, b, c, d] = v4.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            for wrapped in [
                v4.to_ipv6_mapped(),
                v4.to_ipv6_compatible(),
                Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x2001, 0, high, low, 0, 0, !high, !low),
            ] {
                assert!(!is_public(wrapped.into()), "{v4} as {wrapped}");
            }
        }
    }
    for text in [
        "::",
        "::1",
        "100::1",
        "2001::1",
        "2001:1ff:ffff::1",
        "2001:2::1",
        "2001:10::1",
        "2001:20::1",
        "2001:db8::1",
        "3fff::1",
        "3fff:fff::1",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fdff::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "1::1",
    ] {
        assert!(!is_public(text.parse().unwrap()), "{text}");
    }
}

#[test]
fn what_borders_on_a_reserved_range_is_public() {
    for text in [
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2001:200::1",
        "2606:4700::1111",
        "2a00:1450::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
    ] {
        assert!(is_public(text.parse().unwrap()), "{text}");
    }
}

#[test]
fn schemes_ports_and_what_hides_in_a_url_are_refused() {
    for text in [
        "",
        "example.com",
        "//example.com",
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "javascript:alert(1)",
        "https://",
        "https:///x",
        "https://user@example.com/",
        "https://user:pass@example.com/",
        "https://:pass@example.com/",
        "https://example.com#x",
        "https://example.com:22/",
        "https://example.com:80/",
        "https://example.com:5432/",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://exa mple.com/",
        "https://example.com/\r\nx: y",
        "https://example.com/\tx",
        " https://example.com/",
        "https://intranet/",
        "https://metadata.google.internal/",
        "https://printer.local/",
        "https://169.254.169.254/latest/meta-data",
        "https://[fd00:ec2::254]/",
        "https://1.0.0.127.in-addr.arpa/",
    ] {
        refused(text);
    }
    for text in [
        "https://example.com",
        "https://example.com:8443/x?y=z",
        "HTTPS://Example.COM/",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
        "https://münchen.example/",
    ] {
        if let Err(why) = check(text) {
            panic!("{text}: {why}");
        }
    }
}

#[test]
fn what_is_allowed_by_name_is_exempt_at_that_port_alone() {
    refused("http://127.0.0.1:7001/");
    allow(&["127.0.0.1:7001".to_owned(), "Erp.Local:80".to_owned()]);
    assert!(check("http://127.0.0.1:7001/hook").unwrap().is_exempt);
    assert!(check("http://erp.local/hook").unwrap().is_exempt);
    refused("http://127.0.0.1:7002/");
    refused("http://erp.local:81/");
    refused("http://a@127.0.0.1:7001/");
    refused("ftp://127.0.0.1:7001/");
    assert!(!check("https://example.com/").unwrap().is_exempt);
}

#[test]
fn one_address_that_is_not_public_spoils_all_of_a_name() {
    let at = |text: &str| SocketAddr::new(text.parse().unwrap(), 443);
    assert!(all_public(vec![at("8.8.8.8"), at("2606:4700::1111")]).is_some());
    assert!(all_public(vec![at("8.8.8.8"), at("10.0.0.1")]).is_none());
    assert!(all_public(vec![]).is_none());
}
