//! `--mode files`: the user's own files, mounted.

use connector_core::{Error, Result};

use super::host::Host;
use super::{HandOff, Mount};
use crate::args::{MountMode, Target};

/// The connector types whose programs keep files, and those programs.
const TYPES: [&str; 5] = ["aws", "gcp", "azure", "kubernetes", "docker"];

/// Where the files come to lie in containers, and whether they may be changed there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) container_home: &'a str,
    pub(super) mount: MountMode,
}

impl Wanted<'_> {
    fn target(&self, path: &str) -> String {
        format!("{}/{path}", self.container_home.trim_end_matches('/'))
    }

    fn mount(&self, source: String, target: &str) -> Mount {
        Mount { source, target: self.target(target), read_only: self.mount == MountMode::Ro }
    }
}

/// What a type's programs read, mounted where variables say that it is.
pub(super) fn hand_off(host: &Host<'_>, connector_type: &str, wanted: &Wanted<'_>) -> Result<HandOff> {
    if !wanted.container_home.starts_with('/') || wanted.container_home.contains(char::is_control) {
        return Err(Error::field("container-home", "not a path from the root of a container")
            .with_hint("name the home of the services' user, such as /home/astro"));
    }
    let mut hand_off = match connector_type {
        "aws" => aws(host, wanted)?,
        "gcp" => gcp(host, wanted)?,
        "azure" => azure(host, wanted)?,
        "kubernetes" => kubernetes(host, wanted)?,
        "docker" => docker(host, wanted)?,
        other => {
            return Err(Error::field(
                "type",
                format!("no files of `{other}` are known that could be mounted"),
            )
            .with_hint(format!("types with files: {}", TYPES.join(" "))));
        }
    };
    for mount in &hand_off.mounts {
        if !host.is_shared(&mount.source) {
            hand_off.warnings.push(format!(
                "Docker Desktop shows {} to containers only when it is added under Settings, Resources, File sharing",
                mount.source
            ));
        }
    }
    if host.target == Target::Linux {
        hand_off.warnings.push(readers());
    }
    hand_off.warnings.insert(
        0,
        "this hands your whole login into the containers, for as long as it lives; `--mode agent` gives them \
         short-lived credentials for one resource instead"
            .to_owned(),
    );
    Ok(hand_off)
}

/// Who can read mounted files that are closed to others.
pub(super) fn readers() -> String {
    #[cfg(unix)]
    let way_out = {
        let (user, group) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        if user == 0 { String::new() } else { format!("; `user: \"{user}:{group}\"` lets it run as you") }
    };
    #[cfg(not(unix))]
    let way_out = "";
    format!(
        "the files are open to you alone: a service that runs as neither root nor you cannot read them{way_out}"
    )
}

fn missing(what: &str, hint: &str) -> Error {
    Error::not_configured(format!("found {what}")).with_hint(hint)
}

/// S55, S56: both of AWS's files, wherever they are, and the logins of `aws configure sso` with them.
fn aws(host: &Host<'_>, wanted: &Wanted<'_>) -> Result<HandOff> {
    let usual = host.below(&host.home()?, &[".aws"]);
    let named = [host.path("AWS_CONFIG_FILE")?, host.path("AWS_SHARED_CREDENTIALS_FILE")?];
    let usual_file = |name: &str| host.below(&usual, &[name]);
    let hint = "log in with `aws configure` or `aws configure sso`";
    let mut hand_off = HandOff::default();
    if named.iter().all(Option::is_none) {
        if !host.has(&usual_file("config")) && !host.has(&usual_file("credentials")) {
            return Err(missing("neither ~/.aws/config nor ~/.aws/credentials", hint));
        }
        hand_off.mounts.push(wanted.mount(usual, ".aws"));
    } else {
        let files = [("config", &named[0]), ("credentials", &named[1])];
        let mut found =
            files.map(|(name, path)| (name, path.clone().unwrap_or_else(|| usual_file(name)))).to_vec();
        found.retain(|(_, path)| host.has(path));
        if found.is_empty() {
            return Err(missing(
                "none of the files that AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name",
                hint,
            ));
        }
        for (name, path) in found {
            hand_off.mounts.push(wanted.mount(path, &format!(".aws/{name}")));
        }
        let sso = host.below(&usual, &["sso"]);
        if host.is_here() && host.has(&sso) {
            hand_off.mounts.push(wanted.mount(sso, ".aws/sso"));
        }
    }
    hand_off.set("AWS_CONFIG_FILE", wanted.target(".aws/config"));
    hand_off.set("AWS_SHARED_CREDENTIALS_FILE", wanted.target(".aws/credentials"));
    hand_off.shadows =
        ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].map(str::to_owned).to_vec();
    if wanted.mount == MountMode::Ro {
        hand_off.notes.push("a login of `aws sso login` is renewed here, not in the containers".to_owned());
    }
    Ok(hand_off)
}

fn gcp(host: &Host<'_>, wanted: &Wanted<'_>) -> Result<HandOff> {
    const NAME: &str = "application_default_credentials.json";
    let file = match host.path("GOOGLE_APPLICATION_CREDENTIALS")? {
        Some(file) => file,
        None => host.below(&gcloud(host)?, &[NAME]),
    };
    if !host.has(&file) {
        return Err(missing(
            "no application default file of Google's",
            "log in with `gcloud auth application-default login`",
        ));
    }
    let mut hand_off = HandOff::default();
    let target = format!(".config/gcloud/{NAME}");
    hand_off.mounts.push(wanted.mount(file, &target));
    hand_off.set("GOOGLE_APPLICATION_CREDENTIALS", wanted.target(&target));
    Ok(hand_off)
}

fn gcloud(host: &Host<'_>) -> Result<String> {
    if let Some(folder) = host.path("CLOUDSDK_CONFIG")? {
        return Ok(folder);
    }
    let home = host.home()?;
    Ok(match host.target {
        Target::Windows => {
            let roaming = host.path("APPDATA")?;
            host.below(&roaming.unwrap_or_else(|| host.below(&home, &["AppData", "Roaming"])), &["gcloud"])
        }
        Target::Linux | Target::Macos => host.below(&home, &[".config", "gcloud"]),
    })
}

fn azure(host: &Host<'_>, wanted: &Wanted<'_>) -> Result<HandOff> {
    let usual = host.below(&host.home()?, &[".azure"]);
    let folder = host.path("AZURE_CONFIG_DIR")?.unwrap_or(usual);
    if !host.has(&folder) {
        return Err(missing("no folder of az", "log in with `az login`"));
    }
    let mut hand_off = HandOff::default();
    hand_off.mounts.push(wanted.mount(folder, ".azure"));
    hand_off.set("AZURE_CONFIG_DIR", wanted.target(".azure"));
    hand_off.shadows =
        ["AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"].map(str::to_owned).to_vec();
    if wanted.mount == MountMode::Ro {
        hand_off.warnings.push("az writes to its folder whenever it runs: it needs `--mount rw`".to_owned());
    }
    if host.target == Target::Windows {
        hand_off.warnings.push(
            "az on Windows seals its logins for this machine: containers read them only after \
             `az config set core.encrypt_token_cache=false` and a new `az login`"
                .to_owned(),
        );
    }
    Ok(hand_off)
}

fn kubernetes(host: &Host<'_>, wanted: &Wanted<'_>) -> Result<HandOff> {
    let separator = if host.target == Target::Windows { ';' } else { ':' };
    let list = host.variable("KUBECONFIG").unwrap_or_default();
    let named = list.split(separator).filter(|it| !it.is_empty()).map(|it| host.whole("KUBECONFIG", it));
    let mut files = named.collect::<Result<Vec<_>>>()?;
    if files.is_empty() {
        files.push(host.below(&host.home()?, &[".kube", "config"]));
    }
    files.retain(|it| host.has(it));
    let mut hand_off = HandOff::default();
    let mut targets = Vec::new();
    for (at, file) in files.into_iter().enumerate() {
        let name = if at == 0 { ".kube/config".to_owned() } else { format!(".kube/config-{}", at + 1) };
        targets.push(wanted.target(&name));
        hand_off.mounts.push(wanted.mount(file, &name));
    }
    if targets.is_empty() {
        return Err(missing("no kubeconfig", "set KUBECONFIG, or make ~/.kube/config"));
    }
    hand_off.set("KUBECONFIG", targets.join(":"));
    hand_off.warnings.push(
        "programs that a kubeconfig calls, such as `connector`, `aws` or `kubelogin`, have to be in the containers too"
            .to_owned(),
    );
    Ok(hand_off)
}

fn docker(host: &Host<'_>, wanted: &Wanted<'_>) -> Result<HandOff> {
    let usual = host.below(&host.home()?, &[".docker"]);
    let folder = host.path("DOCKER_CONFIG")?.unwrap_or(usual);
    let file = host.below(&folder, &["config.json"]);
    if !host.has(&file) {
        return Err(missing("no settings of docker", "log in with `docker login`"));
    }
    let mut hand_off = HandOff::default();
    hand_off.mounts.push(wanted.mount(file, ".docker/config.json"));
    hand_off.set("DOCKER_CONFIG", wanted.target(".docker"));
    hand_off.warnings.push(
        "logins that docker keeps in a helper, such as Docker Desktop's, are not in its settings: containers do not have them"
            .to_owned(),
    );
    Ok(hand_off)
}
