//! Which addresses a name leads to, and which of them are of the open net.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use standings_ingest::feed::Trouble;

/// The addresses of a host, each of which may be asked.
pub(super) fn of(host: &str, port: u16, private: bool) -> Result<Vec<SocketAddr>, Trouble> {
    let found = (host, port).to_socket_addrs();
    let found = found.map_err(|e| Trouble::later(format!("the name {host} is not found: {e}")))?;
    let all: Vec<SocketAddr> = found.collect();
    let refused = all.iter().find(|at| !private && !is_public(at.ip()));
    if let Some(at) = refused {
        return Err(Trouble::Broken(format!(
            "{host} is {}, an address of this machine or of a private network: say private-addresses = \"allow\" if it is meant",
            at.ip()
        )));
    }
    match all.is_empty() {
        true => Err(Trouble::later(format!("the name {host} has no address"))),
        false => Ok(all),
    }
}

/// Whether an address is one of the open net.
fn is_public(at: IpAddr) -> bool {
    match at.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let is_own =
                v4.is_loopback() || v4.is_private() || v4.is_link_local() || v4.is_unspecified();
            let is_special = v4.is_multicast()
                || v4.is_broadcast()
                || v4.is_documentation()
                || a == 0
                || a >= 240;
            let is_shared = (a == 100 && (64..128).contains(&b))
                || (a == 198 && (b == 18 || b == 19))
                || (a, b, c) == (192, 0, 0);
            !is_own && !is_special && !is_shared
        }
        IpAddr::V6(v6) => {
            let first = v6.segments()[0];
            // Only 2000::/3 is given out; of it what carries an address of version 4 inside, and documentation, is not.
            let is_given = (0x2000..0x4000).contains(&first);
            let is_carrier =
                first == 0x2002 || (first == 0x2001 && matches!(v6.segments()[1], 0 | 0xdb8));
            is_given && !is_carrier
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_not_asked() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "ff02::1",
            "2002:7f00:1::",
            "64:ff9b::7f00:1",
            "2001:db8::1",
            "240.0.0.1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "100.128.0.1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }
}
