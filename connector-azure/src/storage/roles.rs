//! The permissions of Azure's roles that matter for blobs, and the letters of signatures that stand for them.

use connector_core::{Access, Withheld};

use super::{DELEGATE, DELETE_BLOBS, LIST_CONTAINERS, READ_BLOBS};
use crate::sas::{Kind, Permissions};

const LIST_ACCOUNTS: &str = "Microsoft.Storage/storageAccounts/read";

macro_rules! blobs {
    ($what:literal) => {
        concat!("Microsoft.Storage/storageAccounts/blobServices/containers/blobs/", $what)
    };
}

/// Permissions on blobs, each with the letter that lets it through and the level that needs it.
const BLOBS: [(&str, char, Access); 13] = [
    (READ_BLOBS, 'r', Access::Read),
    (blobs!("add/action"), 'a', Access::Write),
    (blobs!("write"), 'w', Access::Write),
    (DELETE_BLOBS, 'd', Access::Write),
    (blobs!("move/action"), 'm', Access::Write),
    (blobs!("deleteBlobVersion/action"), 'x', Access::Admin),
    (blobs!("permanentDelete/action"), 'y', Access::Admin),
    (blobs!("tags/read"), 't', Access::Admin),
    (blobs!("tags/write"), 't', Access::Admin),
    (blobs!("filter/action"), 'f', Access::Admin),
    (blobs!("immutableStorage/runAsSuperUser/action"), 'i', Access::Admin),
    (blobs!("manageOwnership/action"), 'o', Access::Admin),
    (blobs!("modifyPermissions/action"), 'p', Access::Admin),
];

/// Permissions on the container itself.
const CONTAINER: [&str; 2] = [
    "Microsoft.Storage/storageAccounts/blobServices/containers/write",
    "Microsoft.Storage/storageAccounts/blobServices/containers/delete",
];

/// The permissions that an access level needs, those for listing and signing too.
pub(crate) fn permissions(access: Access) -> Vec<&'static str> {
    let mut all = vec![LIST_ACCOUNTS, LIST_CONTAINERS, DELEGATE];
    all.extend(BLOBS.iter().filter(|(_, _, least)| access >= *least).map(|(name, _, _)| *name));
    if access >= Access::Admin {
        all.extend(CONTAINER);
    }
    all
}

/// Those that a signature for such a thing lets through.
pub(crate) fn carried(kind: Kind, access: Access) -> Vec<&'static str> {
    let letters = Permissions::of(kind, access);
    let carried = BLOBS.iter().filter(|(_, letter, least)| access >= *least && letters.contains(*letter));
    carried.map(|(name, _, _)| *name).collect()
}

/// Those that it does not let through, and why.
pub(crate) fn withheld(kind: Kind, access: Access) -> Vec<Withheld> {
    let carried = carried(kind, access);
    let mut left: Vec<_> = permissions(access).into_iter().filter(|it| !carried.contains(it)).collect();
    let mut take = |named: &[&str], why| {
        let (ours, others): (Vec<_>, Vec<_>) = left.iter().copied().partition(|it| named.contains(it));
        left = others;
        (!ours.is_empty()).then(|| Withheld::new(ours, why))
    };
    let told = [
        take(&[LIST_ACCOUNTS, LIST_CONTAINERS], "it is for listing alone, and tells of other containers"),
        take(&[DELEGATE], "it is for signing, and no signature makes another"),
        take(&CONTAINER, "no signature for one container may change or delete the container itself"),
    ];
    let rest = (!left.is_empty()).then(|| Withheld::new(left, "it has no meaning for what is signed for"));
    told.into_iter().flatten().chain(rest).collect()
}
