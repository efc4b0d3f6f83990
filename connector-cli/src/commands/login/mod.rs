//! `connector login`: lets the user's own programs ask this one for credentials.

mod aws;
mod azure;
mod docker;
mod gcp;
mod kubernetes;

use std::path::PathBuf;

use connector_core::{
    Access, Document, Envelope, EnvironmentForm, Error, Expiry, Grant, Life, Result, Secret, format_time,
};
use connectors::Hub;
use serde_json::{Value, json};

use crate::app::App;
use crate::args::LoginArgs;
use crate::logins::Login;
use crate::output::{Table, time_left};
use crate::{fast, logins, surroundings};

/// What a login of some kind writes, and what people are told about it.
struct Plan {
    wish: logins::Wish,
    /// The program that is set up, and how it is used then.
    tool: &'static str,
    usage: String,
    /// What comes when what is handed out has ended.
    renewed: &'static str,
    /// What else there is to know.
    notes: Vec<String>,
}

/// Of credentials that end.
const RENEWED: &str = "never: a fresh credential is issued whenever one is needed";

/// What is asked for, all of it said: files name it, and it must mean the same tomorrow.
struct Asked<'a> {
    name: &'a str,
    grant: Grant,
    is_static: bool,
}

pub(crate) fn run(app: &App, args: &LoginArgs) -> Result<()> {
    let progress = app.output.progress("issuing");
    let given = app.with_hub(async |hub| given(app, hub, args).await)?;
    drop(progress);
    // What is free to be written is looked at while nobody else writes.
    let turn = logins::Turn::wait(app.home())?;
    let plan = plan(app, &given, &turn)?;
    let touched = logins::log_in(&turn, &plan.wish)?;
    drop(turn);
    let wish = &plan.wish;
    let end = given.envelope.as_ref().filter(|_| wish.is_static).map(|it| &it.expiry);
    let files: Vec<Value> = touched
        .iter()
        .map(|it| json!({ "path": it.path.to_string_lossy(), "created": it.whole, "wrote": it.what }))
        .collect();
    let take_back = format!("connector logout {}", wish.connector);
    let data = json!({
        "connector": wish.connector,
        "kind": wish.kind,
        "resource": { "type": wish.grant.resource_type, "id": wish.grant.resource_id },
        "within": wish.grant.within,
        "access": wish.grant.access.unwrap_or_default().as_str(),
        "name": wish.name,
        "static": wish.is_static,
        "expires_at": end.and_then(Expiry::at).map(format_time),
        "files": files,
        "use": plan.usage,
        "take_back": take_back,
    });
    app.output.show(&data, || {
        let mut table = Table::properties();
        table.property("PROGRAM", plan.tool);
        table.property("NAME", wish.name.as_str());
        for it in &touched {
            let made = if it.whole { " (new)" } else { "" };
            table.property("WROTE", format!("{}{made}: {}", it.path.display(), it.what.join(", ")));
        }
        match end.and_then(Expiry::at) {
            Some(end) => {
                let left = time_left(end, app.now());
                table.property("ENDS", format!("{} (in {left}); log in again then", format_time(end)))
            }
            None => table.property("ENDS", plan.renewed),
        };
        table.property("USE", plan.usage.as_str());
        table.property("TAKE BACK", format!("{take_back}, or: connector undo"));
        table.render(&app.output)
    })?;
    plan.notes.iter().for_each(|it| app.output.warn(it));
    Ok(())
}

/// What a login has to hand over.
struct Given<'a> {
    asked: Asked<'a>,
    kind: &'static str,
    /// The credential, where it is written or says what to write.
    envelope: Option<Envelope>,
    /// The variables by which gcloud or az would take it.
    variables: EnvironmentForm,
    /// What the helper answers, where one is asked.
    form: Option<Secret>,
    /// Whether that is the stored login itself.
    is_passed: bool,
}

/// Issues the credential once, so that a login that cannot work writes nothing.
async fn given<'a>(app: &App, hub: &Hub, args: &'a LoginArgs) -> Result<Given<'a>> {
    let handle = hub.handle(&args.name, args.grant.grant()).await?;
    let kind = handle.kind();
    // The id as the provider completed it, and what was asked for beside it.
    let mut grant = args.grant.grant();
    let complete = handle.grant();
    (grant.resource_type, grant.resource_id, grant.within) =
        (complete.resource_type, complete.resource_id, complete.within);
    if kind == "docker" {
        grant.access = grant.access.or(Some(Access::Write));
    }
    drop(handle);
    // gcloud and az read files, and ask nobody.
    let asks_nobody = matches!(kind, "gcp" | "azure");
    let asked = Asked { name: &args.name, grant, is_static: args.r#static || asks_nobody };
    let tool = match kind {
        "kubernetes" => "kubectl",
        "docker" => "docker",
        "aws" => "aws",
        "gcp" => "gcloud",
        "azure" => "az",
        other => {
            return Err(Error::invalid(format!("no program is set up with a credential of kind `{other}`"))
                .with_hint("`connector env` and `connector exec` hand it on"));
        }
    };
    let Document { connector_type, method, .. } = hub.get(asked.name).await?;
    // A stored login is not issued where that is not asked for: docker's helper hands it on.
    let is_stored = hub.registry().describe_method(&connector_type, &method)?.life != Life::None.as_str();
    let envelope = if asked.is_static || kind != "docker" || !is_stored {
        Some(hub.issue(asked.name, asked.grant.clone()).await?)
    } else {
        None
    };
    if let Some(envelope) = &envelope {
        refuse_nothing(envelope, &asked)?;
    }
    if kind == "docker" && !asked.is_static {
        docker::find_helper()?;
    }
    if let Some(envelope) = envelope.as_ref().filter(|_| asked.is_static) {
        refuse_endless(envelope, &asked)?;
    }
    let variables = match envelope.as_ref().filter(|_| asks_nobody) {
        Some(envelope) => hub.registry().environment(envelope)?,
        None => EnvironmentForm::default(),
    };
    let form = if asked.is_static { None } else { Some(helped(app, hub, &asked, tool).await?) };
    let resource_type = asked.grant.resource_type.as_deref().unwrap_or_default();
    let is_passed = hub.registry().passes_to(&connector_type, resource_type)? == Some(tool);
    Ok(Given { asked, kind, envelope, variables, form, is_passed })
}

/// Says what to write.
fn plan(app: &App, given: &Given<'_>, turn: &logins::Turn) -> Result<Plan> {
    let Given { asked, kind, envelope, variables, form, is_passed } = given;
    let mut plan = match (*kind, envelope) {
        ("kubernetes", Some(envelope)) => kubernetes::plan(app, asked, envelope)?,
        ("aws", Some(envelope)) => aws::plan(app, asked, envelope, &turn.journal()?)?,
        ("gcp", Some(envelope)) => gcp::plan(app, asked, (envelope, variables), &turn.journal()?)?,
        ("azure", Some(envelope)) => azure::plan(app, asked, (envelope, variables), &turn.journal()?)?,
        (_, envelope) => docker::plan(app, asked, envelope.as_ref(), form.as_ref())?,
    };
    if envelope.as_ref().is_some_and(|it| it.long_lived) {
        plan.renewed = "with the stored login: that is handed on as it is, and nobody renews it";
    }
    if *is_passed {
        plan.renewed = "never: the stored login is handed to docker whenever it asks";
    }
    Ok(plan)
}

/// What the helper will answer: asked for now, so that the first call finds it.
async fn helped(app: &App, hub: &Hub, asked: &Asked<'_>, tool: &str) -> Result<Secret> {
    let target = fast::target(tool, &app.caller(), &asked.grant);
    hub.tool(asked.name, asked.grant.clone(), tool, &target).await
}

/// A registry may be used without a login: then there is nothing that docker could be given.
fn refuse_nothing(envelope: &Envelope, asked: &Asked<'_>) -> Result<()> {
    if envelope.kind != "docker" || envelope.fields.secret_names().next().is_some() {
        return Ok(());
    }
    let registry = asked.grant.resource_id.as_deref().map(|it| format!(" `{it}`")).unwrap_or_default();
    Err(Error::invalid(format!("registry{registry} is used without a login, so there is nothing to set up"))
        .with_hint("docker and podman pull from it as they are")
        .with_connector(asked.name))
}

/// A file holds a credential only if the harm ends by itself.
fn refuse_endless(envelope: &Envelope, asked: &Asked<'_>) -> Result<()> {
    if !envelope.long_lived && envelope.expiry.at().is_some() {
        return Ok(());
    }
    let name = asked.name;
    let hint = match envelope.kind.as_str() {
        "gcp" => format!(
            "say when it ends, so that its file is not used beyond that: `connector update {name} expires_at=TIME`"
        ),
        "azure" => "`connector env` and `connector exec` hand it on".to_owned(),
        _ => "leave `--static` out: the program then asks for it whenever it needs one".to_owned(),
    };
    Err(Error::refused("the credential does not end, so it is not written into a file")
        .with_hint(hint)
        .with_connector(name))
}

/// The words of `connector helper TOOL` that ask for the same.
fn helper_words(tool: &str, asked: &Asked<'_>) -> Vec<String> {
    let mut words: Vec<String> = ["helper", tool, asked.name].map(str::to_owned).to_vec();
    let Grant { resource_type, resource_id, within, access, duration, .. } = &asked.grant;
    for (option, value) in [
        ("--resource-type", resource_type.clone()),
        ("--resource-id", resource_id.clone()),
        ("--within", within.clone()),
        ("--access", access.map(|it| it.to_string())),
        ("--duration", duration.map(|it| format!("{}s", it.as_secs()))),
    ] {
        if let Some(value) = value {
            words.extend([option.to_owned(), value]);
        }
    }
    words
}

/// A resource as a part of a name in another program's files.
fn slug(id: &str) -> String {
    let name = id.rsplit("://").next().unwrap_or_default();
    let safe = |it: char| if it.is_ascii_alphanumeric() || "._-".contains(it) { it } else { '-' };
    name.chars().map(safe).collect::<String>().trim_matches('-').to_owned()
}

/// The connector's name in a program's own form, or with the resource's where another login has that.
fn free_name(
    kind: &str,
    what: &str,
    asked: &Asked<'_>,
    logins: &[Login],
    form: impl Fn(&str) -> String,
) -> Result<String> {
    let Grant { resource_id, resource_type, .. } = &asked.grant;
    let mut words = [resource_id, resource_type].into_iter().flatten().map(|it| slug(it));
    let resource = words.find(|it| !it.is_empty()).unwrap_or_default();
    let candidates = [form(asked.name), form(&format!("{}-{resource}", asked.name))];
    let is_same = |it: &Login| it.connector == asked.name && it.grant == asked.grant;
    let other = |name: &String| logins.iter().find(|it| it.kind == kind && it.name == *name && !is_same(it));
    if let Some(free) = candidates.iter().find(|it| other(it).is_none()) {
        return Ok(free.clone());
    }
    let owner = other(&candidates[0]).map_or(asked.name, |it| it.connector.as_str());
    Err(Error::invalid(format!(
        "the {what} `{}` and `{}` are other logins' already, with other rights or other parts",
        candidates[0], candidates[1]
    ))
    .with_hint(format!("`connector logout {owner}` takes its logins back; nothing was changed")))
}

/// A text as it is written into a file of settings whose program takes `%` for the beginning of a reference: gcloud's,
/// and az's.
fn escaped(text: &str) -> String {
    text.replace('%', "%%")
}

/// `CONNECTOR_HOME`, where the program that is called would look elsewhere without it.
fn other_home(app: &App) -> Result<Option<String>> {
    let usual = surroundings::usual_home().ok();
    let home = std::path::absolute(app.home()).unwrap_or_else(|_| app.home().to_owned());
    if usual.as_ref() == Some(&home) {
        return Ok(None);
    }
    let text = home.into_os_string().into_string();
    text.map(Some)
        .map_err(|_| Error::invalid("the path of CONNECTOR_HOME is no text, so no file can name it"))
}

/// A file that a variable names, else this one below the user's home.
pub(super) fn user_file(variable: &str, usual: &str) -> Result<PathBuf> {
    match std::env::var_os(variable).filter(|it| !it.is_empty()) {
        Some(path) => Ok(expanded(path.into())),
        None => Ok(user_home()?.join(usual)),
    }
}

pub(super) fn user_home() -> Result<PathBuf> {
    etcetera::home_dir()
        .map_err(|_| Error::not_configured("found no home directory of yours").with_hint("set `HOME`"))
}

/// `~` as programs read it in their variables.
fn expanded(path: PathBuf) -> PathBuf {
    match (path.strip_prefix("~"), etcetera::home_dir()) {
        (Ok(rest), Ok(home)) => home.join(rest),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_login_has_a_name_of_its_own() {
        let grant = |id: &str, access| Grant::new("gcs-bucket", id).with_access(access);
        let login = |connector: &str, name: &str, id: &str| Login {
            connector: connector.into(),
            kind: "gcp".into(),
            name: name.into(),
            grant: grant(id, Access::Read),
            is_static: true,
            username: None,
            files: Vec::new(),
        };
        let name = |id: &str, access, logins: &[Login]| {
            let asked = Asked { name: "prod", grant: grant(id, access), is_static: true };
            free_name("gcp", "configurations", &asked, logins, |it| format!("connector-{it}"))
        };
        let first = login("prod", "connector-prod", "gs://data");
        assert_eq!(name("gs://data", Access::Read, &[]).ok().as_deref(), Some("connector-prod"));
        let again = name("gs://data", Access::Read, std::slice::from_ref(&first));
        assert_eq!(again.ok().as_deref(), Some("connector-prod"), "the same again");
        let other = name("gs://logs", Access::Read, std::slice::from_ref(&first));
        assert_eq!(other.ok().as_deref(), Some("connector-prod-logs"));
        let somebody = login("pr.od", "connector-prod", "gs://data");
        let beside = name("gs://data", Access::Read, &[somebody]);
        assert_eq!(beside.ok().as_deref(), Some("connector-prod-data"), "another connector has that name");
        let both = [first, login("prod", "connector-prod-logs", "gs://logs")];
        let error = name("gs://logs", Access::Write, &both).expect_err("both are taken");
        assert!(error.hint().is_some_and(|it| it.contains("connector logout prod")), "{error:?}");
    }

    /// gcloud cannot read any of its configurations while one of them holds a `%` that is none, and az no signature.
    #[test]
    fn a_percent_sign_is_written_twice() {
        assert_eq!(escaped("/home/50%/token"), "/home/50%%/token");
    }

    /// Whatever the method is called, and whoever wrote it.
    #[test]
    fn without_a_login_there_is_nothing_to_set_up() {
        let refused = |kind: &str, secret: Value| {
            let text = json!({
                "version": 1, "kind": kind, "connector": "open",
                "resource": { "type": "docker-registry", "id": "r.test" }, "within": null, "access": "read",
                "expires_at": null, "never": "there is none", "provider_expiry": null, "narrowed": false,
                "reason": "-", "long_lived": false, "public": { "registry": "r.test" }, "secret": secret,
            });
            let envelope = Envelope::from_json(&text.to_string()).expect("an envelope");
            let grant = Grant::new("docker-registry", "r.test");
            refuse_nothing(&envelope, &Asked { name: "open", grant, is_static: false }).err()
        };
        let error = refused("docker", json!({})).expect("there is nothing").to_string();
        assert!(error.contains("`r.test` is used without a login"), "{error}");
        assert!(refused("docker", json!({ "password": "hunter2" })).is_none());
        assert!(refused("docker", json!({ "identity_token": "hunter2" })).is_none());
        assert!(refused("kubernetes", json!({})).is_none());
    }
}
