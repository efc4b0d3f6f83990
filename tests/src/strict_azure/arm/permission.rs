//! What somebody may do at a place.

use serde_json::{Value, json};

use super::{ArmError, Asked, Cx};
use crate::loopback::Answer;

/// The permissions of the caller's roles at the scope before `…/providers/Microsoft.Authorization/permissions`, one entry
/// a role.
pub(super) fn list(cx: &Cx<'_>, asked: &Asked<'_>) -> Result<Answer, ArmError> {
    let above = asked.rest.len().saturating_sub(3);
    let below: String = asked.rest.iter().take(above).map(|segment| format!("/{segment}")).collect();
    let scope = format!("{}{below}", asked.scope());
    let is_closed = cx.state.manager.closed.contains(&asked.subscription.id.to_ascii_lowercase());
    let roles: Vec<Value> = cx
        .state
        .roles_at(&cx.caller.id, &scope)
        .map(|role| {
            json!({
                "actions": role.actions, "notActions": role.not_actions, "dataActions": role.data_actions,
                "notDataActions": [],
            })
        })
        .collect();
    if roles.is_empty() || is_closed {
        let action = "Microsoft.Authorization/permissions/read";
        return Err(ArmError::denied(&cx.caller.app, &cx.caller.id, action, &scope));
    }
    let all = roles.into_iter().enumerate().map(|(number, role)| (format!("{number:06}"), role));
    Ok(cx.paged(all.collect()))
}
