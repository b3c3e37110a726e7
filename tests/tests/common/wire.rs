//! What lies between a client and the simulator: connections that stop without a word, and TLS.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use qoder::Tls;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// Forwards connections, until it is told to freeze them: then nothing comes through in either
/// direction, and nobody is told.
pub(crate) struct Wire {
    addr: SocketAddr,
    lines: Lines,
    /// Whether connections that are made now are frozen from the start.
    dead: Arc<AtomicBool>,
    /// How many connections are open and not frozen.
    open: watch::Sender<usize>,
}

/// What is forwarded. A line ends by itself, or when it is frozen.
type Lines = Arc<Mutex<Vec<Line>>>;

struct Line {
    freeze: oneshot::Sender<()>,
    forwarding: JoinHandle<()>,
}

impl Wire {
    pub(crate) async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let wire = Self {
            addr: listener.local_addr().expect("an address"),
            lines: Lines::default(),
            dead: Arc::default(),
            open: watch::Sender::new(0),
        };
        let (lines, dead) = (Arc::clone(&wire.lines), Arc::clone(&wire.dead));
        let open = wire.open.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if dead.load(Ordering::SeqCst) {
                    tokio::spawn(keep(near));
                    continue;
                }
                let (freeze, frozen) = oneshot::channel();
                let open = open.clone();
                let forwarding = tokio::spawn(async move {
                    open.send_modify(|open| *open += 1);
                    forward(near, target, frozen).await;
                    open.send_modify(|open| *open -= 1);
                });
                lines
                    .lock()
                    .expect("lines")
                    .push(Line { freeze, forwarding });
            }
        });
        wire
    }

    /// The base URL of the API behind it.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/api/v1/cloud", self.addr)
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Freezes what is open. Nothing comes through any more when this is done.
    pub(crate) async fn freeze(&self) {
        let lines = std::mem::take(&mut *self.lines.lock().expect("lines"));
        for line in lines {
            let _ = line.freeze.send(());
            line.forwarding.await.expect("a line");
        }
    }

    /// Whether what is opened from now on is frozen.
    pub(crate) fn play_dead(&self, dead: bool) {
        self.dead.store(dead, Ordering::SeqCst);
    }

    /// Waits until fewer connections than this are open and not frozen: those that nobody needs
    /// are closed by and by, not at once.
    pub(crate) async fn keeps_fewer_than(&self, ceiling: usize) {
        let mut open = self.open.subscribe();
        let falls = open.wait_for(|open| *open < ceiling);
        let fell = timeout(Duration::from_secs(60), falls).await.is_ok();
        assert!(fell, "{} connections are kept", *self.open.borrow());
    }
}

async fn forward(mut near: TcpStream, target: SocketAddr, frozen: oneshot::Receiver<()>) {
    let _ = near.set_nodelay(true);
    let Ok(mut far) = TcpStream::connect(target).await else {
        return;
    };
    let _ = far.set_nodelay(true);
    tokio::select! {
        biased;
        frozen = frozen => if frozen.is_ok() {
            tokio::spawn(keep((near, far)));
        },
        _ = copy_bidirectional(&mut near, &mut far) => {}
    }
}

/// Keeps a socket open for as long as the runtime is there.
async fn keep<T>(kept: T) {
    std::future::pending::<()>().await;
    drop(kept);
}

/// Takes TLS off in front of a server, and speaks HTTP/2 alone; gives the address, and whom to
/// trust.
pub(crate) async fn tls_in_front_of(target: SocketAddr) -> (SocketAddr, Tls) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("a configuration");
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let _ = near.set_nodelay(true);
                let Ok(mut near) = acceptor.accept(near).await else {
                    return;
                };
                if let Ok(mut far) = TcpStream::connect(target).await {
                    let _ = far.set_nodelay(true);
                    let _ = copy_bidirectional(&mut near, &mut far).await;
                }
            });
        }
    });
    let trusting = Tls::builder().add_root_der(cert.der().to_vec()).build();
    (addr, trusting.expect("a configuration"))
}
