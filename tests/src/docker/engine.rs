//! Debian's `dockerd`, started by hand in a folder of its own: no bridge, no firewall rules, no image store shared with
//! anybody.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::install::{Unavailable, debian};
use crate::process::{self, Finished};
use crate::server::Server;

/// A running engine. It ends with this value, and so does what it has started.
#[derive(Debug)]
pub struct Engine {
    server: Server,
    folder: TempDir,
    docker: PathBuf,
}

impl Engine {
    /// Starts an engine and waits until it answers, or says why this machine has none.
    pub fn try_start() -> Result<Self, String> {
        let packages = ["docker.io", "containerd", "runc"].map(debian);
        let [docker, containerd, runc] = packages;
        let unavailable = |why: Unavailable| why.to_string();
        let folders =
            [docker.map_err(unavailable)?, containerd.map_err(unavailable)?, runc.map_err(unavailable)?];
        if !is_root() {
            return Err("a Docker engine is started by root only".into());
        }
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut path = OsString::new();
        for it in &folders {
            for part in ["usr/sbin", "usr/bin"] {
                path.push(it.join(part));
                path.push(":");
            }
        }
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let at = |name: &str| folder.path().join(name);
        let mut command = process::isolated(folders[0].join("usr/sbin/dockerd"), folder.path());
        command
            .args(["--iptables=false", "--ip6tables=false", "--ip-masq=false", "--bridge=none"])
            .args(["--storage-driver=vfs", "--host", &address(folder.path())])
            .arg("--data-root")
            .arg(at("data"))
            .arg("--exec-root")
            .arg(at("exec"))
            .arg("--pidfile")
            .arg(at("pid"))
            .env("PATH", path);
        let docker = folders[0].join("usr/bin/docker");
        let is_ready = || run(&docker, folder.path(), &["version"]).success();
        let server = Server::start(&mut command, &at("log"), is_ready)
            .map_err(|log| format!("dockerd does not come up on this machine: {log}"))?;
        Ok(Self { server, folder, docker })
    }

    /// Its address, as `DOCKER_HOST` names it.
    pub fn host(&self) -> String {
        address(self.folder.path())
    }

    /// The real `docker` against this engine, with a configuration of its own that knows no login.
    pub fn docker(&self, arguments: &[&str]) -> Finished {
        run(&self.docker, self.folder.path(), arguments)
    }

    /// The real `docker` for this engine, before it is given a home and more words.
    pub fn command(&self) -> Command {
        command(&self.docker, self.folder.path())
    }

    /// Makes an image of one small file and names it, without any registry.
    pub fn import(&self, name: &str) {
        let content = self.folder.path().join("content");
        std::fs::create_dir_all(&content).expect("the engine's folder is ours");
        std::fs::write(content.join("file"), "content").expect("the engine's folder is ours");
        let archive = self.folder.path().join("image.tar");
        let mut tar = process::isolated("tar", self.folder.path());
        process::run(tar.arg("-cf").arg(&archive).arg("-C").arg(&content).arg("file")).expect_success();
        self.docker(&["import", &archive.display().to_string(), name]).expect_success();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        #[cfg(unix)]
        self.server.end_gently();
    }
}

fn address(folder: &Path) -> String {
    format!("unix://{}/d.sock", folder.display())
}

fn run(docker: &Path, folder: &Path, arguments: &[&str]) -> Finished {
    process::run(command(docker, folder).args(arguments))
}

fn command(docker: &Path, folder: &Path) -> Command {
    let mut command = process::isolated(docker, folder);
    command.env("DOCKER_HOST", address(folder));
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|it| it.stdout.trim_ascii() == b"0")
}
