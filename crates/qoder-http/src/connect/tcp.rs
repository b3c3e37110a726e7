//! TCP: the options of sockets.

use std::net::IpAddr;
use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;

/// How TCP connections are made and watched.
///
/// ```
/// use std::time::Duration;
/// use qoder_http::{KeepAlive, TcpOptions, Transport};
///
/// # fn main() -> Result<(), qoder_http::Error> {
/// let every_5_s = KeepAlive { idle: Duration::from_secs(5), ..KeepAlive::default() };
/// let tcp = TcpOptions::default().keep_alive(every_5_s);
/// let transport = Transport::builder().tcp(tcp).build()?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpOptions {
    /// Sends small packets at once: on.
    pub nodelay: bool,
    /// Finds out that a silent peer is gone: on. `None`: off.
    pub keep_alive: Option<KeepAlive>,
    /// How long sent bytes may stay unconfirmed before the connection is given up. Linux and
    /// Android only. `None`, the default: what the system does, mostly a quarter of an hour; the
    /// limits of each request hold anyway.
    pub user_timeout: Option<Duration>,
    /// With addresses of IPv6 and IPv4 (RFC 8305), how long the one has before the other is tried
    /// beside it: 300 ms. `None`: one after the other.
    pub happy_eyeballs: Option<Duration>,
    /// The address of this machine that connections come from. Only peers with an address of the
    /// same kind are then reached. Default: the system's choice.
    pub local_address: Option<IpAddr>,
}

/// When a silent connection is probed, and when it is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// Silence before the first probe: 30 s.
    pub idle: Duration,
    /// Between unanswered probes: 10 s. Where the system has no such option, its own.
    pub interval: Duration,
    /// Unanswered probes before the connection is given up: 3. Where the system has no such
    /// option, its own.
    pub retries: u32,
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(30),
            interval: Duration::from_secs(10),
            retries: 3,
        }
    }
}

impl Default for TcpOptions {
    fn default() -> Self {
        Self {
            nodelay: true,
            keep_alive: Some(KeepAlive::default()),
            user_timeout: None,
            happy_eyeballs: Some(Duration::from_millis(300)),
            local_address: None,
        }
    }
}

impl TcpOptions {
    /// Sets whether small packets are sent at once.
    pub fn nodelay(mut self, nodelay: bool) -> Self {
        self.nodelay = nodelay;
        self
    }

    /// Sets how a silent connection is probed. `None`: not at all.
    pub fn keep_alive(mut self, keep_alive: impl Into<Option<KeepAlive>>) -> Self {
        self.keep_alive = keep_alive.into();
        self
    }

    /// Sets how long sent bytes may stay unconfirmed.
    pub fn user_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.user_timeout = limit.into();
        self
    }

    /// Sets when the other kind of address is tried too.
    pub fn happy_eyeballs(mut self, after: impl Into<Option<Duration>>) -> Self {
        self.happy_eyeballs = after.into();
        self
    }

    /// Sets the address that connections come from.
    pub fn local_address(mut self, address: impl Into<Option<IpAddr>>) -> Self {
        self.local_address = address.into();
        self
    }

    /// The connector that has these options. Its own limit of time is not set: it would not cover
    /// TLS.
    pub(super) fn connector(&self) -> HttpConnector {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(self.nodelay);
        // Linux refuses more, and would then have none of the three.
        let seconds = |time: Duration| time.min(Duration::from_secs(32_767));
        tcp.set_keepalive(self.keep_alive.map(|keep| seconds(keep.idle)));
        tcp.set_keepalive_interval(self.keep_alive.map(|keep| seconds(keep.interval)));
        tcp.set_keepalive_retries(self.keep_alive.map(|keep| keep.retries.min(127)));
        #[cfg(any(target_os = "linux", target_os = "android"))]
        tcp.set_tcp_user_timeout(self.user_timeout);
        tcp.set_happy_eyeballs_timeout(self.happy_eyeballs);
        tcp.set_local_address(self.local_address);
        tcp
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::Ipv4Addr;

    use socket2::SockRef;
    use tokio::net::TcpListener;
    use tower_service::Service;

    use super::*;

    /// The socket has what the options say.
    #[tokio::test]
    async fn options_reach_the_socket() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let uri: http::Uri = format!("http://{}/", listener.local_addr().expect("an address"))
            .parse()
            .expect("a URL");
        let seconds = Duration::from_secs;
        let other = KeepAlive {
            idle: seconds(7),
            interval: seconds(5),
            retries: 4,
        };
        let here = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));
        let options = TcpOptions::default();
        for options in [
            options.clone(),
            options.clone().keep_alive(None).nodelay(false),
            options
                .keep_alive(other)
                .user_timeout(seconds(20))
                .local_address(here),
        ] {
            let stream = options.connector().call(uri.clone()).await.expect("a peer");
            let socket = SockRef::from(stream.inner());
            assert_eq!(
                socket.keepalive().expect("an option"),
                options.keep_alive.is_some()
            );
            if let Some(keep) = options.keep_alive {
                assert_eq!(socket.tcp_keepalive_time().expect("an option"), keep.idle);
                assert_eq!(
                    socket.tcp_keepalive_interval().expect("an option"),
                    keep.interval
                );
                assert_eq!(
                    socket.tcp_keepalive_retries().expect("an option"),
                    keep.retries
                );
            }
            assert_eq!(socket.tcp_nodelay().expect("an option"), options.nodelay);
            assert_eq!(
                socket.tcp_user_timeout().expect("an option"),
                options.user_timeout
            );
            let from = stream.inner().local_addr().expect("an address").ip();
            let wanted = options
                .local_address
                .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
            assert_eq!(from, wanted);
        }
    }
}
