//! The folders of logins for az, in this program's own home: whatever az keeps, it keeps there.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Login, TakenBack};

/// Where the folders of all logins for az are.
const FOLDERS: &str = "az";

/// The files that az itself writes anew while it is used: nothing of somebody's is in them.
const KEPT_BY_AZ: [&str; 2] = ["azureProfile.json", "clouds.config"];

/// The folder of a login for az.
pub(crate) fn folder_of_az(home: &Path, name: &str) -> PathBuf {
    home.join(FOLDERS).join(name)
}

/// Removes the folder of a login that was taken back, with what az put there beside the login's files. One stays in which
/// somebody logged in to az himself, or set something.
pub(super) fn tidy(home: &Path, taken: &mut TakenBack, left: &[Login]) {
    let TakenBack { login, files } = taken;
    if login.kind != "azure" || left.iter().any(|it| it.kind == login.kind && it.name == login.name) {
        return;
    }
    let Ok(home) = std::path::absolute(home) else { return };
    let folder = folder_of_az(&home, &login.name);
    let is_az_s = |path: &Path| KEPT_BY_AZ.iter().any(|it| path.file_name() == Some(OsStr::new(it)));
    let is_over = |path: &Path| path.parent() == Some(&*folder) && (is_az_s(path) || !path.exists());
    if !login.files.iter().all(|it| is_over(&it.path)) || fs::remove_dir_all(&folder).is_err() {
        return;
    }
    let _ = fs::remove_dir(home.join(FOLDERS));
    for it in files {
        it.whole = true;
        it.what.clear();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{FileWish, Turn, Wanted, Wish, log_in, log_out};
    use super::*;
    use crate::edit::{Format, Step};

    /// Logs in, lets `az` do something in the folder, and logs out again; tells what is left of the folder, and of which
    /// files it was told that they are gone.
    fn left_after(az: impl Fn(&Path)) -> (Vec<String>, Vec<bool>) {
        let home = tempfile::tempdir().expect("a directory");
        let folder = folder_of_az(home.path(), "prod");
        let file = |name: &str, key: &str, is_secret| FileWish {
            path: folder.join(name),
            format: Format::Json,
            is_secret,
            values: vec![Wanted {
                place: vec![Step::Key(key.to_owned())],
                value: json!("ours"),
                replaces: !is_secret,
                what: key.to_owned(),
            }],
        };
        let wish = Wish {
            connector: "prod".into(),
            kind: "azure",
            name: "prod".into(),
            grant: connector_core::Grant::default(),
            is_static: true,
            username: None,
            files: vec![
                file("msal_token_cache.json", "AccessToken", true),
                file("azureProfile.json", "subscriptions", false),
            ],
        };
        let turn = Turn::wait(home.path()).expect("my turn");
        log_in(&turn, &wish).expect("logged in");
        drop(turn);
        az(&folder);
        let done = log_out(home.path(), |all| (0..all.len()).collect()).expect("logged out");
        let gone = done.iter().flat_map(|it| &it.files).map(|it| it.whole).collect();
        let entries = fs::read_dir(home.path().join(FOLDERS)).into_iter().flatten().flatten();
        let entries = entries.flat_map(|it| fs::read_dir(it.path()).into_iter().flatten().flatten());
        let mut names: Vec<_> = entries.map(|it| it.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        (names, gone)
    }

    #[test]
    fn c30_what_az_put_beside_a_login_goes_with_it() {
        let untouched = left_after(|_| {});
        assert_eq!(untouched, (Vec::new(), vec![true, true]));
        let used = left_after(|folder| {
            fs::create_dir(folder.join("commands")).expect("made");
            fs::write(folder.join("commands/1.log"), "az").expect("written");
            // As az writes it anew, with a mark of the order of its bytes.
            let other = "\u{feff}{\"subscriptions\": [\"other\"]}";
            fs::write(folder.join("azureProfile.json"), other).expect("written");
            let same = "\u{feff}{\"AccessToken\":   \"ours\"}";
            fs::write(folder.join("msal_token_cache.json"), same).expect("written");
        });
        assert_eq!(used, (Vec::new(), vec![true, true]));
    }

    #[test]
    fn where_somebody_logged_in_himself_his_login_stays() {
        let (left, gone) = left_after(|folder| {
            let his = "{\"AccessToken\": \"ours\", \"RefreshToken\": \"his\"}";
            fs::write(folder.join("msal_token_cache.json"), his).expect("written");
        });
        assert_eq!(left, ["msal_token_cache.json"]);
        assert_eq!(gone, [false, true]);
    }
}
