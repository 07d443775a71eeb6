//! Where the live page and the metrics may be served.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::str::FromStr;

/// An address to listen on, as typed: `127.0.0.1:9464`, or a port alone for 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenAddress(pub SocketAddr);

/// Why nothing can be served.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Anybody who reaches the machine could read it.
    #[error(
        "--listen {0} is open to the network, and whoever reads it learns the cluster's state; take \
         127.0.0.1, or add --listen-anywhere to mean it"
    )]
    NotLoopback(SocketAddr),
    /// The address cannot be had.
    #[error("cannot listen on {address}: {source}; give another --listen HOST:PORT")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let port = text.strip_prefix(':').unwrap_or(text);
        let address = match port.parse::<u16>() {
            Ok(port) => Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
            Err(_) => text.replace("localhost:", "127.0.0.1:").parse().ok(),
        };
        address.map(Self).ok_or_else(|| {
            let port = text.rsplit(':').next().unwrap_or_default();
            match !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) {
                true if port.parse::<u16>().is_err() => {
                    format!("there is no port {port}; ports go from 0 to 65535")
                }
                _ => format!("{text:?} is not HOST:PORT with a numeric address, as 127.0.0.1:9464"),
            }
        })
    }
}

impl ListenAddress {
    /// Takes the address, so that a port in use is found out before anything begins. Requests wait
    /// until somebody serves them.
    ///
    /// # Errors
    /// When it is not of this machine alone and `anywhere` does not allow that, or cannot be had.
    pub fn bind(self, anywhere: bool) -> Result<TcpListener, ListenError> {
        let address = self.0;
        if !is_own(address.ip()) && !anywhere {
            return Err(ListenError::NotLoopback(address));
        }
        let listening = TcpListener::bind(address).and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok(listener)
        });
        listening.map_err(|source| ListenError::Bind { address, source })
    }
}

/// Whether nobody but this machine can reach an address.
fn is_own(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_this_machine_s() {
        for text in ["9464", ":9464", "127.0.0.1:9464", "localhost:9464"] {
            assert_eq!(text.parse(), Ok(ListenAddress(([127, 0, 0, 1], 9464).into())), "{text}");
        }
        for text in ["", "host", "example.org:9464", "127.0.0.1", "70000"] {
            assert!(text.parse::<ListenAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_open_address_must_be_meant() {
        let open: ListenAddress = "0.0.0.0:0".parse().unwrap();
        assert!(matches!(open.bind(false), Err(ListenError::NotLoopback(_))));
        assert!(open.bind(true).is_ok());
        for own in ["127.0.0.1:0", "127.9.9.9:0", "[::ffff:127.0.0.1]:0"] {
            let refused = own.parse::<ListenAddress>().unwrap().bind(false);
            assert!(!matches!(refused, Err(ListenError::NotLoopback(_))), "{own}");
        }
    }

    #[test]
    fn a_port_in_use_is_named() {
        let first = "127.0.0.1:0".parse::<ListenAddress>().unwrap().bind(false).unwrap();
        let taken = ListenAddress(first.local_addr().unwrap());
        let error = taken.bind(false).unwrap_err().to_string();
        assert!(error.contains(&taken.0.to_string()) && error.contains("--listen"), "{error}");
    }
}
