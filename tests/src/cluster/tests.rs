//! What the strict server says, a real one says too: the words are compared where both run.

use super::*;

#[track_caller]
fn refused(finished: &Finished, words: &str) {
    let text = finished.stderr_text();
    assert!(finished.code.is_some_and(|code| code != 0) && text.contains(words), "{words} in {finished:?}");
}

const UNAUTHORIZED: &str = "You must be logged in to the server";

#[test]
fn service_accounts_reach_what_they_may() {
    each(|cluster| {
        let namespace = cluster.namespace();
        cluster.add_service_account("reader");
        cluster.allow(Subject::ServiceAccount("reader"), &["get", "list", "watch"], &["configmaps"]);
        cluster.add_config_map("first", ("team", "a"));
        cluster.add_config_map("second", ("team", "b"));
        let login = Login::Token(cluster.token("reader"));
        let names = |arguments: &[&str]| {
            let told =
                cluster.kubectl(&login, &[&["get", "configmaps", "-o", "name"][..], arguments].concat());
            told.expect_success().stdout_text()
        };
        let all = names(&[]);
        assert!(all.contains("configmap/first\n") && all.contains("configmap/second\n"), "{all}");
        assert_eq!(names(&["-l", "team=b"]), "configmap/second\n");
        assert_eq!(names(&["--field-selector", "metadata.name=first"]), "configmap/first\n");
        refused(
            &cluster.kubectl(&login, &["get", "configmap", "third"]),
            "Error from server (NotFound): configmaps \"third\" not found",
        );
        let user = format!("User \"system:serviceaccount:{namespace}:reader\" cannot list resource");
        refused(
            &cluster.kubectl(&login, &["get", "secrets"]),
            &format!(
                "Error from server (Forbidden): secrets is forbidden: {user} \"secrets\" in API group \"\" in the \
                 namespace \"{namespace}\""
            ),
        );
        refused(
            &cluster.kubectl(&login, &["get", "configmaps", "-A"]),
            &format!("configmaps is forbidden: {user} \"configmaps\" in API group \"\" at the cluster scope"),
        );
        refused(
            &cluster.kubectl(&login, &["get", "--raw", "/metrics"]),
            "forbidden: User \"system:serviceaccount",
        );
        let may = |arguments: &[&str]| {
            cluster.kubectl(&login, &[&["auth", "can-i"][..], arguments].concat()).stdout_text()
        };
        assert_eq!(may(&["list", "configmaps"]), "yes\n");
        assert!(may(&["list", "secrets"]).starts_with("no"));
        assert!(may(&["--list"]).contains("configmaps"));
    });
}

#[test]
fn token_requests_keep_their_bounds() {
    each(|cluster| {
        cluster.add_service_account("deployer");
        let ask = |account: &str, spec: Value| cluster.request_token(None, account, &spec);
        let told = ask("deployer", json!({ "expirationSeconds": 600 })).expect_success().json();
        assert_eq!(told["kind"], "TokenRequest");
        assert!(told["status"]["expirationTimestamp"].is_string(), "the end is told");
        refused(
            &ask("deployer", json!({ "expirationSeconds": 599 })),
            "spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes",
        );
        refused(&ask("nobody", json!({})), "serviceaccounts \"nobody\" not found");
        let bound = json!({ "boundObjectRef": { "kind": "Pod", "apiVersion": "v1", "name": "nowhere" } });
        refused(&ask("deployer", bound), "pods \"nowhere\" not found");
        let elsewhere = ask("deployer", json!({ "audiences": ["elsewhere"] })).expect_success().json();
        let elsewhere = elsewhere["status"]["token"].as_str().unwrap_or_default().to_owned();
        refused(&cluster.kubectl(&Login::Token(elsewhere), &["get", "configmaps"]), UNAUTHORIZED);
        let deployer = Login::Token(cluster.token("deployer"));
        refused(
            &cluster.request_token(Some(&deployer), "deployer", &json!({})),
            "cannot create resource \"serviceaccounts/token\" in API group \"\"",
        );
    });
}

#[test]
fn who_shows_nothing_good_is_told_so() {
    each(|cluster| {
        let unknown = Login::Token("unknown".to_owned());
        refused(&cluster.kubectl(&unknown, &["get", "configmaps"]), UNAUTHORIZED);
        // A cluster may refuse who shows nothing, instead of calling them anonymous.
        let password = Login::Password("reader".to_owned(), "password".to_owned());
        let answer = cluster.kubectl(&password, &["get", "--raw", "/api/v1/pods"]);
        let text = answer.stderr_text();
        assert!(text.contains("User \"system:anonymous\"") || text.contains(UNAUTHORIZED), "{answer:?}");
    });
}

#[test]
fn callers_are_reviewed_where_the_server_can() {
    each(|cluster| {
        cluster.add_service_account("somebody");
        let login = Login::Token(cluster.token("somebody"));
        let body = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" });
        let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
        let review = |login| cluster.post(login, path, &body);
        if cluster.knows_callers() {
            let user = review(Some(&login)).expect_success().json()["status"]["userInfo"]["username"].clone();
            assert_eq!(user, format!("system:serviceaccount:{}:somebody", cluster.namespace()));
            assert!(review(None).success());
        } else {
            refused(&review(Some(&login)), "cannot create resource \"selfsubjectreviews\"");
            refused(&review(None), "the server could not find the requested resource");
        }
    });
}
