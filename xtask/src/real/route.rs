//! The routes from a client to the server, and a program's run on one.

use std::path::{Path, PathBuf};

use super::browser::Browser;
use super::parts::{Certificate, Gateway, Plan, Proxy};
use super::process::{find, says};
use super::programs::{Place, Program, Ran};
use super::server::{BASE, Server};

/// A route from the client to the server.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: &'static str,
    pub(crate) programs: &'static [Program],
    gateway: Option<Gateway>,
    proxy: Option<Proxy>,
    /// Whether the server falls silent, for the route to cut.
    cuts: bool,
    /// Whether the pieces of a message come through one by one.
    previews: bool,
    /// A file and what it says if the program took this route, and met what is to be met there.
    proof: Option<(&'static str, &'static str)>,
}

/// The things that all runs share.
#[derive(Debug)]
pub(crate) struct Target {
    /// The programs that cargo built.
    pub(crate) programs: PathBuf,
    /// The certificate, where parts that want TLS are used.
    pub(crate) certificate: Option<Certificate>,
}

const HTTP2: Gateway = Gateway::Nginx("ssl http2", "proxy_http_version 1.1; proxy_buffering off;");

const DIRECT: Route = Route {
    name: "nothing between them",
    programs: &[Program::Quickstart, Program::Follow, Program::Files],
    gateway: None,
    proxy: None,
    cuts: false,
    previews: true,
    proof: None,
};

/// All of them, each more than the first.
pub(crate) const ROUTES: &[Route] = &[
    DIRECT,
    Route {
        name: "nginx, TLS and HTTP/2",
        gateway: Some(HTTP2),
        proof: Some(("access.log", "HTTP/2.0 200 - application/json")),
        ..DIRECT
    },
    Route {
        name: "nginx that buffers: nothing comes before there are 4 KiB of it",
        // With HTTP/1.1 it sees the server's chunks, and passes each on, buffering or not.
        gateway: Some(Gateway::Nginx(
            "",
            "proxy_http_version 1.0; proxy_buffering on;",
        )),
        previews: false,
        proof: Some(("access.log", " - text/event-stream")),
        ..DIRECT
    },
    Route {
        name: "nginx that cuts after 1 s of silence",
        gateway: Some(Gateway::Nginx(
            "ssl http2",
            "proxy_http_version 1.1; proxy_buffering off; proxy_read_timeout 1s;",
        )),
        cuts: true,
        proof: Some(("error.log", "upstream timed out")),
        ..DIRECT
    },
    Route {
        name: "nginx that compresses, TLS",
        gateway: Some(Gateway::Nginx(
            "ssl",
            "proxy_http_version 1.1; proxy_buffering off; gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any;",
        )),
        proof: Some(("access.log", "HTTP/1.1 200 gzip application/json")),
        ..DIRECT
    },
    Route {
        name: "tinyproxy (`CONNECT` with credentials), nginx",
        gateway: Some(HTTP2),
        proxy: Some(Proxy::Tinyproxy),
        proof: Some(("tinyproxy.log", ": CONNECT ")),
        ..DIRECT
    },
    Route {
        name: "microsocks (SOCKS5 with credentials), nginx",
        gateway: Some(HTTP2),
        proxy: Some(Proxy::Microsocks),
        proof: Some(("microsocks.log", ": connected to ")),
        ..DIRECT
    },
    Route {
        name: "haproxy with timeouts of 2 s, TLS and HTTP/2",
        gateway: Some(Gateway::Haproxy),
        cuts: true,
        // It ended the response (D) since the server (s) was silent.
        proof: Some(("haproxy.log", " sD-- ")),
        ..DIRECT
    },
    Route {
        name: "the service example, and its page in Chromium",
        programs: &[Program::Service],
        ..DIRECT
    },
];

impl Route {
    /// The programs that it takes and that are not installed.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let gateway = self.gateway.map_or(&[][..], Gateway::programs);
        let proxy = self.proxy.map(Proxy::program);
        let mut programs: Vec<&str> = gateway.iter().copied().chain(proxy).collect();
        programs.retain(|program| find(program).is_none());
        if self.programs.contains(&Program::Service) && Browser::find().is_none() {
            programs.push("chromium");
        }
        programs
    }

    pub(crate) fn is_direct(&self) -> bool {
        self.gateway.is_none()
    }

    /// Runs the program on this route, with a server and parts of its own, in an empty folder. An
    /// error if it can't be tried.
    pub(crate) fn run(
        &self,
        program: Program,
        target: &Target,
        folder: &Path,
    ) -> Result<Ran, String> {
        let plan = match (self.gateway, &target.certificate) {
            (Some(gateway), Some(certificate)) => {
                Some(Plan::new(folder, gateway, self.proxy, certificate)?)
            }
            _ => None,
        };
        let origin = plan.as_ref().map(Plan::origin);
        let faults = if self.cuts { program.silences() } else { "" };
        let simulator = target.programs.join("qoder-sim");
        let server = Server::start(&simulator, folder, faults, origin.as_deref())?;
        let address = server.address();
        let _parts = plan.as_ref().map(|plan| plan.start(address)).transpose()?;
        let origin = origin.unwrap_or_else(|| format!("http://{address}"));
        let mut ran = program.run(&Place {
            programs: &target.programs.join("examples"),
            bins: &target.programs,
            folder,
            server: &server,
            base_url: &format!("{origin}{BASE}"),
            environment: &plan.map_or_else(Vec::new, |plan| plan.environment()),
            previews: self.previews,
        })?;
        if let (Ok(_), Some((file, text))) = (&ran.came, self.proof) {
            if !says(&folder.join(file), text) {
                ran.came = Err(format!("{file} doesn't say {text:?}"));
            }
        }
        Ok(ran)
    }
}
