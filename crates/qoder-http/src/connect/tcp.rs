//! TCP: the addresses of hosts, and the options of sockets.

use std::future::Ready;
use std::io;
use std::iter::{Once, once};
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tower_service::Service;

use super::race::{self, Race};
use crate::error::{BoxError, Error, ErrorKind, Sent};
use crate::url::port;

/// Options for making and watching TCP connections.
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
    /// Whether small packets are sent at once (`TCP_NODELAY`). Default: yes.
    pub nodelay: bool,
    /// The probes of a silent peer (`SO_KEEPALIVE`), which tell that it is gone. `None`: no probes.
    /// Default: [`KeepAlive::default`].
    pub keep_alive: Option<KeepAlive>,
    /// The time that sent bytes may stay unacknowledged before the connection is given up
    /// (`TCP_USER_TIMEOUT`, RFC 5482), on Linux and Android; elsewhere it means nothing. `None`: as
    /// long as the system does, mostly a quarter of an hour; the limits of each request hold
    /// anyway. Default: `None`.
    pub user_timeout: Option<Duration>,
    /// The time that an address of a host has before the next one is tried beside it, IPv6 and IPv4
    /// in turns (RFC 8305, section 5), or an equal share of the limit for connecting if that is
    /// less. `None`: always such a share. An address that fails is followed by the next one at
    /// once. Default: 250 ms.
    pub happy_eyeballs: Option<Duration>,
    /// The address of this machine that connections are made from. Only peers with an address of the
    /// same kind, IPv4 or IPv6, are then reached. `None`: the system's choice. Default: `None`.
    pub local_address: Option<IpAddr>,
}

/// When a silent TCP connection is probed, and when it is given up. Times longer than 32,767 s count
/// as that, and more than 127 probes as 127: Linux takes no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// The silence before the first probe. Default: 30 s.
    pub idle: Duration,
    /// The time between unanswered probes. Where the system has no such option, its own holds.
    /// Default: 10 s.
    pub interval: Duration,
    /// The number of unanswered probes after which the connection is given up. Where the system has
    /// no such option, its own holds. Default: 3.
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
            happy_eyeballs: Some(Duration::from_millis(250)),
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

    /// Sets when the next address of a host is tried too.
    pub fn happy_eyeballs(mut self, after: impl Into<Option<Duration>>) -> Self {
        self.happy_eyeballs = after.into();
        self
    }

    /// Sets the address that connections come from.
    ///
    /// ```
    /// use std::net::Ipv4Addr;
    /// use qoder_http::{TcpOptions, Transport};
    ///
    /// # fn main() -> Result<(), qoder_http::Error> {
    /// let tcp = TcpOptions::default().local_address(Some(Ipv4Addr::new(192, 0, 2, 7).into()));
    /// let transport = Transport::builder().tcp(tcp).build()?;
    /// # Ok(()) }
    /// ```
    pub fn local_address(mut self, address: impl Into<Option<IpAddr>>) -> Self {
        self.local_address = address.into();
        self
    }

    /// A connector to one address that has these options. Its own limit of time is not set: it
    /// would not cover TLS.
    fn connector(&self, address: SocketAddr) -> HttpConnector<FixedAddress> {
        let mut tcp = HttpConnector::new_with_resolver(FixedAddress(address));
        tcp.enforce_http(false);
        tcp.set_nodelay(self.nodelay);
        // Linux refuses more, and would then have none of the three.
        let seconds = |time: Duration| time.min(Duration::from_secs(32_767));
        tcp.set_keepalive(self.keep_alive.map(|keep| seconds(keep.idle)));
        tcp.set_keepalive_interval(self.keep_alive.map(|keep| seconds(keep.interval)));
        tcp.set_keepalive_retries(self.keep_alive.map(|keep| keep.retries.min(127)));
        #[cfg(any(target_os = "linux", target_os = "android"))]
        tcp.set_tcp_user_timeout(self.user_timeout);
        tcp.set_local_address(self.local_address);
        tcp
    }
}

/// Makes TCP connections to the hosts of URLs.
#[derive(Clone, Debug)]
pub(crate) struct Tcp {
    options: TcpOptions,
    /// The limit for connecting as a whole, which others keep: the addresses of a host share it.
    limit: Option<Duration>,
}

impl Tcp {
    pub(super) fn new(options: TcpOptions, limit: Option<Duration>) -> Self {
        Self { options, limit }
    }

    pub(super) async fn connect(self, to: Uri) -> Result<TokioIo<TcpStream>, BoxError> {
        let begun = Instant::now();
        let addresses = self.addresses(&to).await?;
        let left = self
            .limit
            .map(|limit| limit.saturating_sub(begun.elapsed()));
        self.reach(addresses, left, &to).await
    }

    /// The addresses of a host that connections may go to, the best first.
    async fn addresses(&self, to: &Uri) -> Result<Vec<SocketAddr>, Error> {
        let host = to.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = port(to);
        let unknown = |why: &dyn std::fmt::Display| {
            let message = format!("the host name {host} could not be resolved: {why}");
            Error::new(ErrorKind::Dns, Sent::No, message)
        };
        let mut addresses = match host.parse::<IpAddr>() {
            Ok(ip) => vec![SocketAddr::new(ip, port)],
            Err(_) => match tokio::net::lookup_host((host, port)).await {
                Ok(addresses) => addresses.collect(),
                Err(error) => return Err(unknown(&error).with_source(error)),
            },
        };
        if let Some(from) = self.options.local_address {
            addresses.retain(|address| address.is_ipv4() == from.is_ipv4());
        }
        if addresses.is_empty() {
            return Err(unknown(&"it has no address of the kind that is wanted"));
        }
        Ok(addresses)
    }

    /// Connects to the first address that lets it.
    async fn reach(
        &self,
        addresses: Vec<SocketAddr>,
        limit: Option<Duration>,
        to: &Uri,
    ) -> Result<TokioIo<TcpStream>, BoxError> {
        let many = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        let share = limit.and_then(|limit| limit.checked_div(many));
        let pace = match self.options.happy_eyeballs {
            Some(pace) => Some(share.map_or(pace, |share| pace.min(share))),
            None => share,
        };
        let connect = |address| self.options.connector(address).call(to.clone());
        match race::run(Race::new(addresses, pace), connect).await {
            Ok(connection) => Ok(connection),
            Err(Some(error)) => Err(error.into()),
            Err(None) => Err(io::Error::from(io::ErrorKind::AddrNotAvailable).into()),
        }
    }
}

/// The resolver of a connector to one address.
#[derive(Clone, Debug)]
struct FixedAddress(SocketAddr);

impl Service<Name> for FixedAddress {
    type Response = Once<SocketAddr>;
    type Error = io::Error;
    type Future = Ready<io::Result<Once<SocketAddr>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        std::future::ready(Ok(once(self.0)))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::future::{Future, poll_fn};
    use std::net::Ipv4Addr;

    use socket2::{Domain, SockRef, Socket, Type};
    use tokio::net::TcpListener;

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
            let connecting = Tcp::new(options.clone(), None).connect(uri.clone());
            let stream = connecting.await.expect("a peer");
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
    /// A port of this machine that drops all attempts to connect, as long as what is returned with
    /// it lives: its queue is full.
    async fn black_hole() -> (SocketAddr, impl Sized) {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any = SocketAddr::from(([127, 0, 0, 2], 0));
        socket.bind(&any.into()).expect("a port");
        socket.listen(0).expect("a listener");
        let address = socket.local_addr().expect("an address");
        let address = address.as_socket().expect("an address");
        let mut queue: Vec<_> = (0..16)
            .map(|_| Box::pin(TcpStream::connect(address)))
            .collect();
        // Once is enough for each to knock.
        let full = poll_fn(|cx| {
            let knocks = queue.iter_mut().map(|knock| knock.as_mut().poll(cx));
            Poll::Ready(knocks.collect::<Vec<_>>())
        });
        (address, (socket, full.await, queue))
    }

    fn closed() -> SocketAddr {
        let listener = std::net::TcpListener::bind("127.0.0.3:0").expect("a port");
        listener.local_addr().expect("an address")
    }

    /// A dead address is not a dead host, wherever it stands.
    #[tokio::test]
    async fn a_dead_address_is_passed_over() {
        let listener = TcpListener::bind("127.0.0.4:0").await.expect("a port");
        let live = listener.local_addr().expect("an address");
        let (dead, _queue) = black_hole().await;
        let uri = Uri::from_static("http://service.test");
        let (short, long) = (Duration::from_millis(10), Duration::from_secs(3600));
        let options = TcpOptions::default();
        let hasty = options.clone().happy_eyeballs(short);
        for (options, addresses, limit) in [
            (&options, vec![dead, live], None),
            (&hasty, vec![dead, dead, live], Some(long)),
            (&hasty, vec![dead, closed(), live], None),
            (&options, vec![closed(), live], None),
            // They share the limit.
            (&options, vec![dead, live], Some(short)),
            (
                &options.clone().happy_eyeballs(None),
                vec![dead, live],
                Some(short),
            ),
            (
                &options.clone().happy_eyeballs(None),
                vec![closed(), live],
                None,
            ),
        ] {
            let tcp = Tcp::new(options.clone(), limit);
            let reached = tcp.reach(addresses.clone(), limit, &uri).await;
            let peer = reached.expect("a connection").inner().peer_addr();
            assert_eq!(peer.expect("an address"), live, "{addresses:?}");
        }
        let tcp = Tcp::new(TcpOptions::default(), None);
        let failed = tcp.reach(vec![closed(), closed()], None, &uri).await;
        let error = failed.expect_err("nobody listens");
        assert!(
            crate::error::innermost(&*error).contains("refused"),
            "{error}"
        );
    }
}
