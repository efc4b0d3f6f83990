//! Each access level × whole or part × what might be tried.

use super::super::permissions;
use super::*;

const OTHERS: [&str; 6] = [
    "storage.objects.setIamPolicy",
    "storage.buckets.create",
    "resourcemanager.projects.get",
    "secretmanager.versions.access",
    "iam.serviceAccounts.getAccessToken",
    "storage",
];

fn of_bucket(permission: &str) -> bool {
    permission.starts_with("storage.buckets.")
}

/// What a permission is used on: the object, or the bucket, which lists with a prefix.
fn request<'a>(permission: &'a str, bucket: &'a str, name: &'a str, prefix: &'a str) -> Request<'a> {
    let whole = of_bucket(permission);
    let lists = permission.ends_with(".list");
    Request {
        permission,
        bucket,
        object: (!whole && !lists).then_some(name),
        list_prefix: if lists && !whole { prefix } else { "" },
    }
}

/// S34, C24: everything that the access level needs is let through on the bucket, and nothing of it on its
/// neighbours.
#[test]
fn s34_c24_a_whole_bucket_and_no_other() {
    for access in Access::ALL {
        let boundary = boundary(None, access);
        for permission in permissions(access) {
            let listing_buckets = permission == "storage.buckets.list";
            for (name, prefix) in [("x", ""), ("a/x", "a/"), ("projects/_/buckets/zen2/objects/x", "é'\"\\")]
            {
                let on_it = request(permission, "zen", name, prefix);
                assert_eq!(allows(&boundary, on_it), !listing_buckets, "{access:?} {on_it:?}");
                for other in ["zen2", "ze", "zenn", "zen.x", "xzen", "zen_", ""] {
                    let on_other = request(permission, other, name, prefix);
                    assert!(!allows(&boundary, on_other), "{access:?} {on_other:?}");
                }
            }
        }
    }
}

/// S34, C24: of a part, what is on its objects is let through there, and nowhere else; what attaches to the whole
/// bucket is not.
#[test]
fn s34_c24_a_part_and_no_other() {
    for access in Access::ALL {
        for part in ["a", "a/", "a/b", "日本/", "it's/", "q\"/", "b\\s/", "%2f/", "*/", "' || true || '/"] {
            let boundary = boundary(Some(part), access);
            let folder = KeyPrefix::parse(part).expect("a part").folder();
            let path = part.trim_end_matches('/');
            let inside =
                [format!("{folder}x"), folder.clone(), format!("{folder}b/c"), format!("{folder}../x")];
            let outside = [
                format!("{path}b"),
                format!("{path}b/x"),
                format!("x/{folder}x"),
                format!(" {folder}x"),
                format!("/{folder}x"),
                path.chars().skip(1).collect::<String>() + "/x",
                "x".to_owned(),
                String::new(),
                folder.to_uppercase().replace('日', "月") + "~",
            ];
            let outside = outside.iter().filter(|it| !it.starts_with(&folder));
            for permission in permissions(access) {
                for name in &inside {
                    let asked = request(permission, "zen", name, name);
                    assert_eq!(allows(&boundary, asked), !of_bucket(permission), "{part} {asked:?}");
                    let neighbour = request(permission, "zen2", name, name);
                    assert!(!allows(&boundary, neighbour), "{part} {neighbour:?}");
                }
                for name in outside.clone() {
                    let asked = request(permission, "zen", name, name);
                    assert!(!allows(&boundary, asked), "{part} {asked:?}");
                }
            }
            // The object of that very name, when the part names it.
            let itself = object("storage.objects.get", path);
            assert_eq!(allows(&boundary, itself), !part.ends_with('/'), "{part}");
            // A list of all, of what is above, and of what only begins so.
            let first: String = path.chars().take(1).collect();
            for prefix in ["", path, &first, "x"] {
                assert!(!allows(&boundary, list(prefix)), "{part} {prefix}");
            }
        }
    }
}

/// A higher level lets through all that a lower one does, and no level what it does not name.
#[test]
fn c24_levels_end_where_they_say() {
    for (access, not) in [
        (Access::Read, &["storage.objects.create", "storage.objects.delete", "storage.objects.update"][..]),
        (
            Access::Write,
            &["storage.buckets.setIamPolicy", "storage.buckets.delete", "storage.buckets.update"],
        ),
    ] {
        for part in [None, Some("a")] {
            for permission in not {
                let asked = request(permission, "zen", "a/x", "a/");
                assert!(!allows(&boundary(part, access), asked), "{access:?} {part:?} {asked:?}");
            }
        }
    }
    for access in Access::ALL {
        for part in [None, Some("a")] {
            for permission in OTHERS {
                // All of storage.admin goes with a whole bucket: that is what admin asks for.
                let all = access == Access::Admin && part.is_none() && permission.starts_with("storage.");
                let asked = object(permission, "a/x");
                assert_eq!(allows(&boundary(part, access), asked), all, "{access:?} {part:?} {asked:?}");
            }
        }
    }
}

/// What is said to be carried is what the evaluator lets through; what is withheld is the rest, each with its
/// reason.
#[test]
fn c24_what_is_told_is_what_is_let_through() {
    for access in Access::ALL {
        for part in [None, Some("a"), Some("a/")] {
            let boundary = boundary(part, access);
            let carried = boundary.carries();
            let withheld = boundary.withheld();
            for permission in permissions(access) {
                let allowed = allows(&boundary, request(permission, "zen", "a/x", "a/"));
                assert_eq!(carried.contains(&permission), allowed, "{access:?} {part:?} {permission}");
                let told =
                    withheld.iter().filter(|it| format!("{it:?}").contains(&format!("\"{permission}\"")));
                assert_eq!(
                    told.count(),
                    usize::from(!allowed),
                    "{access:?} {part:?} {permission}: {withheld:?}"
                );
            }
        }
        let whole = boundary(None, access).withheld();
        assert_eq!(whole.len(), 1, "listing buckets alone: {whole:?}");
    }
}
