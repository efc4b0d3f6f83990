use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::install::{self, KubeApiserver};
use crate::process;
use crate::random;
use crate::strict_kubernetes::Login;
use crate::strict_kubernetes::authority::Authority;

/// A real API server with its store. Both end with this value.
#[derive(Debug)]
pub(super) struct RealKubernetes {
    etcd: Running,
    apiserver: Running,
    port: u16,
    admin: String,
    ca: String,
    home: TempDir,
}

/// A program that is ended with this value.
#[derive(Debug)]
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl RealKubernetes {
    /// Starts one, and waits until it answers.
    ///
    /// # Panics
    /// When it cannot be built, or does not come up.
    pub(super) fn start() -> Self {
        let programs = install::kube_apiserver();
        let programs = programs.unwrap_or_else(|reason| panic!("a real API server cannot be had: {reason}"));
        // Between finding a free port and binding it another program may take it: try others then.
        let mut last = String::new();
        for _ in 0..3 {
            match Self::start_on(&programs) {
                Ok(server) => return server,
                Err(log) => last = log,
            }
        }
        panic!("the real API server does not come up:\n{last}")
    }

    pub(super) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    pub(super) fn ca(&self) -> &str {
        &self.ca
    }

    pub(super) fn admin(&self) -> Login {
        Login::Token(self.admin.clone())
    }

    fn start_on(programs: &KubeApiserver) -> Result<Self, String> {
        let home = tempfile::tempdir().map_err(|error| error.to_string())?;
        let [clients, peers, port] = free_ports();
        let store = format!("http://127.0.0.1:{clients}");
        let peer = format!("http://127.0.0.1:{peers}");
        let mut etcd = process::isolated(&programs.etcd, home.path());
        etcd.args(["--data-dir", "etcd"]).args([
            "--listen-client-urls",
            &store,
            "--advertise-client-urls",
            &store,
            "--listen-peer-urls",
            &peer,
            "--initial-advertise-peer-urls",
            &peer,
            "--initial-cluster",
            &format!("default={peer}"),
        ]);

        let authority = Authority::new();
        let (certificate, key) = authority.server();
        let admin = random::token(32);
        for (name, text) in [
            ("ca.pem", authority.pem()),
            ("server.pem", certificate),
            ("key.pem", key),
            ("tokens.csv", format!("{admin},admin,1,\"system:masters\"\n")),
        ] {
            fs::write(home.path().join(name), text).map_err(|error| error.to_string())?;
        }
        let mut apiserver = process::isolated(&programs.apiserver, home.path());
        apiserver.args(["--bind-address", "127.0.0.1", "--secure-port", &port.to_string()]).args([
            "--etcd-servers",
            &store,
            "--tls-cert-file=server.pem",
            "--tls-private-key-file=key.pem",
            "--client-ca-file=ca.pem",
            "--token-auth-file=tokens.csv",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            "--service-account-signing-key-file=key.pem",
            // The public half, as the certificate tells it.
            "--service-account-key-file=server.pem",
            // Nobody makes the default accounts that it wants for pods.
            "--disable-admission-plugins=ServiceAccount",
            "--service-cluster-ip-range=10.0.0.0/24",
        ]);
        let etcd = run(&mut etcd, home.path(), "etcd.log")?;
        let apiserver = run(&mut apiserver, home.path(), "apiserver.log")?;
        let mut server = Self { etcd, apiserver, port, admin, ca: authority.pem(), home };
        server.wait_until_ready()?;
        Ok(server)
    }

    fn wait_until_ready(&mut self) -> Result<(), String> {
        let kubectl = install::kubectl().map_err(|reason| reason.to_string())?;
        let path = self.home.path().join("config");
        let text =
            crate::strict_kubernetes::kubeconfig::text(&self.url(), &self.ca, "default", &self.admin());
        fs::write(&path, text).map_err(|error| error.to_string())?;
        let deadline = Instant::now() + Duration::from_secs(90);
        while Instant::now() < deadline {
            let ask = ["get", "--raw", "/readyz", "--request-timeout=5s"];
            if process::run(kubectl.command(self.home.path(), &path).args(ask)).success() {
                return Ok(());
            }
            let ended = |running: &mut Running| running.0.try_wait().is_ok_and(|status| status.is_some());
            if ended(&mut self.etcd) || ended(&mut self.apiserver) {
                break;
            }
            thread::sleep(Duration::from_millis(200));
        }
        let log = |name: &str| {
            let text = fs::read_to_string(self.home.path().join(name)).unwrap_or_default();
            let lines: Vec<_> = text.lines().collect();
            lines[lines.len().saturating_sub(20)..].join("\n")
        };
        Err(format!("{}\n{}", log("etcd.log"), log("apiserver.log")))
    }
}

fn run(command: &mut Command, home: &Path, log: &str) -> Result<Running, String> {
    let log = File::create(home.join(log)).map_err(|error| error.to_string())?;
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
    child.map(Running).map_err(|error| error.to_string())
}

/// Ports that were free a moment ago, and differ.
fn free_ports() -> [u16; 3] {
    let bound =
        [(); 3].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port can be bound"));
    bound.map(|listener| listener.local_addr().expect("a bound listener has an address").port())
}
