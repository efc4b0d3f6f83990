//! A real Kubernetes API server. No binary of it can be had here, so it is built once from Debian's source package,
//! with Debian's Go: some 11 minutes on two busy cores, and 2 GB while it is built.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::debian::{archive_in, download, unpack};
use super::{Unavailable, cannot_write, debian, install_with, once};
use crate::paths;

/// The programs of a control plane.
#[derive(Debug, Clone)]
pub struct KubeApiserver {
    /// `kube-apiserver`.
    pub apiserver: PathBuf,
    /// Its store, `etcd`.
    pub etcd: PathBuf,
}

/// The API server, built at first use, and its store.
pub fn kube_apiserver() -> Result<KubeApiserver, Unavailable> {
    let folder = paths::tools().join("kube-apiserver");
    let apiserver = folder.join("kube-apiserver");
    once(&folder, "1.20 of bookworm", || build(&folder, &apiserver))?;
    Ok(KubeApiserver { apiserver, etcd: debian("etcd-server")?.join("usr/bin/etcd") })
}

fn build(folder: &Path, target: &Path) -> Result<(), Unavailable> {
    let work = folder.join("work");
    fs::create_dir_all(&work).map_err(|error| cannot_write(&work, &error))?;
    let go = Go::install(&work)?;
    let source = go.path().join("src/k8s.io/kubernetes");
    fetch_source(&work, &source)?;

    // What describes the API to clients is not part of the source: its generator is.
    let generator = work.join("openapi-gen");
    go.build(&source, &generator, "k8s.io/kubernetes/vendor/k8s.io/kube-openapi/cmd/openapi-gen", "")?;
    let mut generate = go.command(&generator, &source);
    generate.args(["-i", &described(&source).join(",")]).args([
        "-p",
        "k8s.io/kubernetes/pkg/generated/openapi",
        "-O",
        "zz_generated.openapi",
        "-h",
        "vendor/k8s.io/code-generator/hack/boilerplate.go.txt",
        "-r",
    ]);
    install_with(generate.arg(work.join("violations")), BUILDS)?;

    let version = "k8s.io/kubernetes/vendor/k8s.io/component-base/version";
    let flags =
        format!("-s -w -X {version}.gitVersion=v1.20.2 -X {version}.gitMajor=1 -X {version}.gitMinor=20");
    go.build(&source, target, "k8s.io/kubernetes/cmd/kube-apiserver", &flags)?;
    // The program is all that is kept.
    fs::remove_dir_all(&work).map_err(|error| cannot_write(&work, &error))
}

const BUILDS: &str = "the API server is built from Debian 12's source package `kubernetes`";

/// Debian's Go, without root: both its packages in one tree.
struct Go {
    work: PathBuf,
}

impl Go {
    fn install(work: &Path) -> Result<Self, Unavailable> {
        for package in ["golang-1.19-go", "golang-1.19-src"] {
            let archive = work.join(package);
            fs::create_dir_all(&archive).map_err(|error| cannot_write(&archive, &error))?;
            download(package, &archive)?;
            unpack(package, &archive, &work.join("root"))?;
        }
        Ok(Self { work: work.to_owned() })
    }

    /// The source comes with its dependencies, and is older than modules.
    fn path(&self) -> PathBuf {
        self.work.join("go")
    }

    fn build(&self, source: &Path, target: &Path, package: &str, flags: &str) -> Result<(), Unavailable> {
        let mut build = self.command(&self.work.join("root/usr/lib/go-1.19/bin/go"), source);
        build.args(["build", "-ldflags", flags, "-o"]).arg(target);
        install_with(build.arg(package), BUILDS)
    }

    fn command(&self, program: &Path, source: &Path) -> Command {
        let root = self.work.join("root/usr/lib/go-1.19");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(root.join("bin")).chain(std::env::split_paths(&path));
        let mut command = Command::new(program);
        command
            .current_dir(source)
            .env("PATH", std::env::join_paths(folders).unwrap_or(path))
            .env("PWD", source)
            .env("HOME", &self.work)
            .env("GOROOT", root)
            .env("GOPATH", self.path())
            .env("GOCACHE", self.work.join("cache"))
            .env("GO111MODULE", "off")
            .env("CGO_ENABLED", "0")
            .env_remove("GOFLAGS");
        command
    }
}

/// Brings the source package. The lists of source packages are fetched into a folder of our own, from where this
/// machine has its packages from, so that no root is needed.
fn fetch_source(work: &Path, source: &Path) -> Result<(), Unavailable> {
    let apt = work.join("apt");
    for folder in ["parts", "lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(apt.join(folder)).map_err(|error| cannot_write(&apt, &error))?;
    }
    let mut found = false;
    for entry in fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten() {
        let text = fs::read_to_string(entry.path()).unwrap_or_default();
        if text.contains("debian-archive-keyring") {
            let lines = text.lines().map(|line| match line.starts_with("Types:") {
                true => "Types: deb-src\n".to_owned(),
                false => format!("{line}\n"),
            });
            let copy = apt.join("parts").join(entry.file_name());
            fs::write(&copy, lines.collect::<String>()).map_err(|error| cannot_write(&copy, &error))?;
            found = true;
        }
    }
    if !found {
        return Err(Unavailable::new(format!(
            "/etc/apt/sources.list.d names no source of Debian's packages\nhint: {BUILDS}"
        )));
    }
    let command = |words: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(["-q", "-o", "Dir::Etc::sourcelist=/dev/null"]).current_dir(work);
        for (option, folder) in [("Etc::sourceparts", "parts"), ("State::lists", "lists"), ("Cache", "cache")]
        {
            command.args(["-o", &format!("Dir::{option}={}", apt.join(folder).display())]);
        }
        // Where root asks, apt would fetch as a user who may not write here.
        command.args(["-o", "APT::Sandbox::User=root"]).args(words);
        command
    };
    install_with(&mut command(&["update"]), BUILDS)?;
    install_with(&mut command(&["source", "--download-only", "kubernetes"]), BUILDS)?;
    let description = archive_in(work, "dsc")
        .ok_or_else(|| Unavailable::new("apt-get downloaded no source package `kubernetes`"))?;
    if let Some(parent) = source.parent() {
        fs::create_dir_all(parent).map_err(|error| cannot_write(parent, &error))?;
    }
    // apt has checked what it fetched.
    let mut extract = Command::new("dpkg-source");
    install_with(
        extract.args(["--no-check", "-x"]).arg(description).arg(source),
        "this needs Debian's dpkg-dev",
    )
}

/// The packages that ask to be described, by their import path.
fn described(source: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for top in ["pkg", "cmd"] {
        collect(source, &PathBuf::from(top), &mut found);
    }
    // These are links, and followed by their names: that is how they are imported.
    for entry in fs::read_dir(source.join("vendor/k8s.io")).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if !["code-generator", "sample-apiserver", "kube-openapi", "gengo"].iter().any(|it| name == *it) {
            collect(source, &Path::new("vendor/k8s.io").join(name), &mut found);
        }
    }
    found.sort();
    found
}

fn collect(source: &Path, folder: &Path, found: &mut Vec<String>) {
    let mut is_described = false;
    for entry in fs::read_dir(source.join(folder)).into_iter().flatten().flatten() {
        let path = folder.join(entry.file_name());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && entry.file_name() != "testdata" => collect(source, &path, found),
            Ok(kind) if kind.is_file() && path.extension().is_some_and(|it| it == "go") => {
                let text = fs::read_to_string(source.join(&path)).unwrap_or_default();
                is_described |= text.contains("+k8s:openapi-gen=");
            }
            _ => {}
        }
    }
    if is_described {
        found.push(format!("k8s.io/kubernetes/{}", folder.display()));
    }
}
