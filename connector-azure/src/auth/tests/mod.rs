//! Each method in a scripted world: what is sent, what comes of it, what is refused.

use super::*;
use crate::testing::*;

mod access_token;
mod az;
mod browser;
mod catalogue;
mod connection_string;
mod device;
mod endpoints;
mod implicit;
mod managed_identity;
mod service_principal;
mod user_account;
mod workload_identity;

/// S7: what a method cannot do without stands in its schema as such, so that it is asked for and told before anything else.
#[test]
fn s7_schemas_say_what_is_needed() {
    fn needed<M: schemars::JsonSchema>() -> Vec<String> {
        let schema = schemars::schema_for!(M).to_value();
        let needed = schema["required"].as_array().cloned().unwrap_or_default();
        assert!(schema["properties"]["tenant_id"]["description"].is_string(), "every method has a directory");
        let mut needed: Vec<_> = needed.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect();
        needed.sort();
        needed
    }
    assert_eq!(needed::<ServicePrincipal>(), ["client_id", "tenant_id"]);
    assert_eq!(needed::<WorkloadIdentity>(), ["client_id", "tenant_id"]);
    assert_eq!(needed::<AccessToken>(), ["expires_at", "token"]);
    assert_eq!(needed::<ConnectionString>(), ["connection_string"]);
    assert!(needed::<UserAccount>().is_empty());
    assert!(needed::<ManagedIdentity>().is_empty());
    assert!(needed::<Implicit>().is_empty());
}
