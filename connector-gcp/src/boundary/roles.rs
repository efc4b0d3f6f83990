//! The roles that boundaries name, and which of the permissions that matter here they hold.

use connector_core::Access;

/// Listing the buckets of a project.
pub(super) const LIST_BUCKETS: &str = "storage.buckets.list";

const VIEWER: &str = "roles/storage.objectViewer";
const USER: &str = "roles/storage.objectUser";
const OBJECT_ADMIN: &str = "roles/storage.objectAdmin";
const BUCKET_READER: &str = "roles/storage.legacyBucketReader";
const ADMIN: &str = "roles/storage.admin";

const READ: &[&str] = &["storage.objects.get", "storage.objects.list"];
const WRITE: &[&str] = &[
    "storage.objects.create",
    "storage.objects.delete",
    "storage.objects.update",
    "storage.multipartUploads.abort",
    "storage.multipartUploads.create",
    "storage.multipartUploads.list",
    "storage.multipartUploads.listParts",
];
const OF_BUCKET: &[&str] = &["storage.buckets.get"];
const MANAGE: &[&str] = &[
    "storage.buckets.delete",
    "storage.buckets.getIamPolicy",
    "storage.buckets.setIamPolicy",
    "storage.buckets.update",
];

/// The roles that give `access`, to a bucket or to a part of it.
pub(super) const fn of(access: Access, part: bool) -> &'static [&'static str] {
    match (access, part) {
        (Access::Read, false) => &[VIEWER, BUCKET_READER],
        (Access::Read, true) => &[VIEWER],
        (Access::Write, false) => &[USER, BUCKET_READER],
        (Access::Write, true) => &[USER],
        (Access::Admin, false) => &[ADMIN],
        (Access::Admin, true) => &[OBJECT_ADMIN],
    }
}

/// The permissions that an access level needs, those for listing too.
pub(crate) fn permissions(access: Access) -> Vec<&'static str> {
    let levels: &[&[&str]] = match access {
        Access::Read => &[&[LIST_BUCKETS], OF_BUCKET, READ],
        Access::Write => &[&[LIST_BUCKETS], OF_BUCKET, READ, WRITE],
        Access::Admin => &[&[LIST_BUCKETS], OF_BUCKET, READ, WRITE, MANAGE],
    };
    levels.concat()
}

/// Whether a permission attaches to a bucket, and not to its objects.
pub(super) fn is_of_bucket(permission: &str) -> bool {
    permission.starts_with("storage.buckets.")
}

/// Whether one of the roles holds a permission.
pub(super) fn hold(roles: &[&str], permission: &str) -> bool {
    roles.iter().any(|role| match *role {
        VIEWER => READ.contains(&permission),
        USER | OBJECT_ADMIN => READ.contains(&permission) || WRITE.contains(&permission),
        BUCKET_READER => {
            matches!(
                permission,
                "storage.buckets.get" | "storage.objects.list" | "storage.multipartUploads.list"
            )
        }
        // Listing buckets attaches to the project, whichever role holds it.
        ADMIN => permission.starts_with("storage.") && permission != LIST_BUCKETS,
        _ => false,
    })
}
