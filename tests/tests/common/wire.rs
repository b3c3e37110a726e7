//! What lies between a client and the simulator: connections that stop without a word, and TLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use qoder::Tls;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// Forwards connections, until it is told to freeze them: then nothing comes through in either
/// direction, and nobody is told.
pub(crate) struct Wire {
    addr: SocketAddr,
    /// How often what was open froze.
    frozen: watch::Sender<usize>,
    /// Whether connections that are made now are frozen from the start.
    dead: watch::Sender<bool>,
    open: Arc<AtomicUsize>,
}

impl Wire {
    pub(crate) async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("an address");
        let (frozen, freezes) = watch::channel(0);
        let (dead, is_dead) = watch::channel(false);
        let open = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&open);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let count = Arc::clone(&count);
                let mut freezes = freezes.clone();
                freezes.mark_unchanged();
                let dead = *is_dead.borrow();
                tokio::spawn(async move {
                    count.fetch_add(1, Ordering::Relaxed);
                    forward(near, target, dead, freezes).await;
                    count.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        Self {
            addr,
            frozen,
            dead,
            open,
        }
    }

    /// The base URL of the API behind it.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/api/v1/cloud", self.addr)
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Freezes what is open.
    pub(crate) fn freeze(&self) {
        self.frozen.send_modify(|frozen| *frozen += 1);
    }

    /// Whether what is opened from now on is frozen.
    pub(crate) fn play_dead(&self, dead: bool) {
        self.dead.send_replace(dead);
    }

    /// How many connections are open.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

async fn forward(
    mut near: TcpStream,
    target: SocketAddr,
    dead: bool,
    mut freezes: watch::Receiver<usize>,
) {
    let _ = near.set_nodelay(true);
    if dead {
        // The socket stays open for as long as the wire is there.
        while freezes.changed().await.is_ok() {}
        return;
    }
    let Ok(mut far) = TcpStream::connect(target).await else {
        return;
    };
    let _ = far.set_nodelay(true);
    tokio::select! {
        _ = copy_bidirectional(&mut near, &mut far) => return,
        _ = freezes.changed() => {}
    }
    while freezes.changed().await.is_ok() {}
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
