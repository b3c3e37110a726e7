//! The parts that stand between a client and the simulator: what they are told, and their start.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::host::Host;
use super::process::{Running, command, create, find, free_port};
use crate::shell::output;

/// The user that a proxy lets through.
const USER: &str = "real";
const PASSWORD: &str = "s3cret";

/// The gateway that answers in the simulator's place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Gateway {
    /// With these words after its port, and these directives for all paths.
    Nginx(&'static str, &'static str),
    /// With HTTP/2 over TLS, and 2 s for everything.
    Haproxy,
}

/// The proxy that the client is told to go through.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Proxy {
    Tinyproxy,
    Microsocks,
}

impl Gateway {
    /// The programs that it takes.
    pub(crate) fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Nginx(..) => &["nginx", "openssl"],
            Self::Haproxy => &["haproxy", "openssl"],
        }
    }

    fn is_tls(self) -> bool {
        match self {
            Self::Nginx(listen, _) => listen.contains("ssl"),
            Self::Haproxy => true,
        }
    }
}

impl Proxy {
    /// The program that it is.
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::Tinyproxy => "tinyproxy",
            Self::Microsocks => "microsocks",
        }
    }
}

/// The package of Debian's that has a program.
pub(crate) fn package(program: &str) -> &str {
    match program {
        "nginx" => "nginx-light",
        other => other,
    }
}

/// A certificate that is good for the hosts here, and the authority that it is from.
#[derive(Debug)]
pub(crate) struct Certificate {
    authority: PathBuf,
    /// With its key.
    server: PathBuf,
}

impl Certificate {
    /// Makes one in this folder.
    pub(crate) fn make(folder: &Path) -> Result<Self, String> {
        let openssl = find("openssl").ok_or("there is no openssl")?;
        write(&folder.join("openssl.cnf"), &openssl_conf())?;
        let make = |name: &str, more: &[&str]| {
            let mut command = command(&openssl, folder);
            command
                .args([
                    "req",
                    "-x509",
                    "-config",
                    "openssl.cnf",
                    "-nodes",
                    "-days",
                    "2",
                ])
                .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
                .args([
                    "-keyout",
                    &format!("{name}.key"),
                    "-out",
                    &format!("{name}.pem"),
                ])
                .args(["-extensions", name, "-subj", &format!("/CN=qoder {name}")])
                .args(more);
            output(&mut command)
        };
        make("ca", &[])?;
        make("server", &["-CA", "ca.pem", "-CAkey", "ca.key"])?;
        let read = |name: &str| crate::shell::read(&folder.join(name));
        let both = folder.join("both.pem");
        write(&both, &(read("server.pem")? + &read("server.key")?))?;
        Ok(Self {
            authority: folder.join("ca.pem"),
            server: both,
        })
    }
}

/// A route to a gateway, before there is anything on it.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    folder: &'a Path,
    gateway: Gateway,
    host: Host,
    port: u16,
    proxy: Option<(Proxy, u16)>,
    certificate: &'a Certificate,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(
        folder: &'a Path,
        gateway: Gateway,
        proxy: Option<Proxy>,
        certificate: &'a Certificate,
    ) -> Result<Self, String> {
        let proxy = match proxy {
            Some(proxy) => Some((proxy, free_port()?)),
            None => None,
        };
        Ok(Self {
            folder,
            gateway,
            host: match proxy {
                Some(_) => Host::behind_a_proxy(),
                None => Host::loopback(),
            },
            port: free_port()?,
            proxy,
            certificate,
        })
    }

    /// The origin that clients come to.
    pub(crate) fn origin(&self) -> String {
        let scheme = if self.gateway.is_tls() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}:{}", self.host.name, self.port)
    }

    /// Returns the variables of a client's environment for the route.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let authority = self.certificate.authority.display().to_string();
        let mut variables = vec![("SSL_CERT_FILE", authority)];
        if let Some((proxy, port)) = self.proxy {
            let scheme = match proxy {
                Proxy::Tinyproxy => "http",
                Proxy::Microsocks => "socks5",
            };
            let url = format!("{scheme}://{USER}:{PASSWORD}@127.0.0.1:{port}");
            variables.push(("HTTPS_PROXY", url));
        }
        variables
    }

    /// Starts the parts, in front of the simulator at this address.
    pub(crate) fn start(&self, simulator: &str) -> Result<Vec<Running>, String> {
        let mut parts = vec![self.start_gateway(simulator)?];
        if let Some((proxy, port)) = self.proxy {
            parts.push(self.start_proxy(proxy, port)?);
        }
        Ok(parts)
    }

    fn start_gateway(&self, simulator: &str) -> Result<Running, String> {
        let at = SocketAddr::from((self.host.address, self.port));
        let certificate = &self.certificate.server;
        match self.gateway {
            Gateway::Nginx(listen, directives) => {
                let text = nginx(at, listen, directives, certificate, simulator);
                write(&self.folder.join("nginx.conf"), &text)?;
                let folder = self.folder.display().to_string();
                let words = ["-p", &folder, "-c", "nginx.conf", "-e", "error.log"];
                self.run("nginx", &words, at)
            }
            Gateway::Haproxy => {
                write(
                    &self.folder.join("haproxy.cfg"),
                    &haproxy(at, certificate, simulator),
                )?;
                self.run("haproxy", &["-db", "-f", "haproxy.cfg"], at)
            }
        }
    }

    fn start_proxy(&self, proxy: Proxy, port: u16) -> Result<Running, String> {
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        match proxy {
            Proxy::Tinyproxy => {
                let text = tinyproxy(port, self.port);
                write(&self.folder.join("tinyproxy.conf"), &text)?;
                self.run("tinyproxy", &["-d", "-c", "tinyproxy.conf"], at)
            }
            Proxy::Microsocks => {
                let words = ["-i", "127.0.0.1", "-u", USER, "-P", PASSWORD, "-p"];
                let port_text = port.to_string();
                self.run("microsocks", &[&words[..], &[&port_text]].concat(), at)
            }
        }
    }

    /// Starts a program, whose output goes to a file of its name.
    fn run(&self, name: &str, words: &[&str], at: SocketAddr) -> Result<Running, String> {
        let program = find(name).ok_or_else(|| format!("there is no {name}"))?;
        let log = create(&self.folder.join(format!("{name}.log")))?;
        let both = log.try_clone().map_err(|error| error.to_string())?;
        let mut command = command(&program, self.folder);
        command.args(words).stdout(Stdio::from(log)).stderr(both);
        let mut running = Running::start(name, &mut command)?;
        running.listens(at)?;
        Ok(running)
    }
}

/// Returns the contents of certificates, by the name of the section.
fn openssl_conf() -> String {
    let [here, behind] = [Host::loopback(), Host::behind_a_proxy()].map(|host| host.subject());
    format!(
        "[req]
distinguished_name = name
prompt = no
[name]
CN = unnamed
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[server]
basicConstraints = critical, CA:FALSE
subjectAltName = {here}, {behind}
"
    )
}

/// One process in the foreground, with all files in its folder. The log tells how each request
/// was answered.
fn nginx(
    at: SocketAddr,
    listen: &str,
    directives: &str,
    certificate: &Path,
    simulator: &str,
) -> String {
    let certificate = certificate.display();
    format!(
        "daemon off;
master_process off;
pid nginx.pid;
events {{}}
http {{
    log_format answers '$server_protocol $status $sent_http_content_encoding $sent_http_content_type';
    access_log access.log answers;
    client_body_temp_path client_body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    client_max_body_size 64m;
    server {{
        listen {at} {listen};
        ssl_certificate {certificate};
        ssl_certificate_key {certificate};
        location / {{
            proxy_pass http://{simulator};
            {directives}
        }}
    }}
}}
"
    )
}

fn haproxy(at: SocketAddr, certificate: &Path, simulator: &str) -> String {
    let certificate = certificate.display();
    format!(
        "global
    log stdout format raw local0
defaults
    mode http
    log global
    option httplog
    timeout connect 2s
    timeout client 2s
    timeout server 2s
    timeout tunnel 2s
frontend gateway
    bind {at} ssl crt {certificate} alpn h2,http/1.1
    default_backend simulator
backend simulator
    server simulator {simulator}
"
    )
}

fn tinyproxy(port: u16, to: u16) -> String {
    format!(
        "Listen 127.0.0.1
Port {port}
Allow 127.0.0.1
BasicAuth {USER} {PASSWORD}
ConnectPort {to}
LogLevel Connect
Timeout 600
MaxClients 100
"
    )
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
