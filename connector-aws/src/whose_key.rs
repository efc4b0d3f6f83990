//! Whose a long-lived key is, as far as `sts:GetCallerIdentity` has shown it: AWS gives the root user an hour at
//! most, and does not say so.

use connector_core::{Context, Result, Secret};

use crate::names::Arn;

/// Under which is kept whose key it is, and the key's id.
const KEPT: &str = "whose-key";

/// What whoever chooses such a key should know.
pub(crate) const ROOT_WARNING: &str = "the key is the root user's: it may do everything in the account, and what is \
    issued from it lives an hour at most; use the key of an IAM user";

/// Who a caller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Root,
    User,
}

impl Owner {
    pub(crate) fn of(caller: &Arn) -> Self {
        if caller.service() == "iam" && caller.resource() == "root" { Self::Root } else { Self::User }
    }
}

/// What is known of this key: the connector may have been given another one since it was looked at.
pub(crate) async fn known(cx: &Context, key_id: &Secret) -> Result<Option<Owner>> {
    let kept = cx.kept(KEPT).await?;
    let known = kept.as_ref().and_then(|it| it.expose().split_once(' '));
    let known = known.filter(|(_, id)| *id == key_id.expose());
    Ok(known.map(|(word, _)| if word == "root" { Owner::Root } else { Owner::User }))
}

/// Keeps whose a key is. Nothing fails where that cannot be kept: it is seen again.
pub(crate) async fn note(cx: &Context, key_id: &Secret, owner: Owner) {
    if matches!(known(cx, key_id).await, Ok(Some(it)) if it == owner) {
        return;
    }
    let word = match owner {
        Owner::Root => "root",
        Owner::User => "user",
    };
    let _ = cx.keep(KEPT, Secret::new(format!("{word} {}", key_id.expose()))).await;
}
