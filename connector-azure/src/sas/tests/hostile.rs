//! What somebody else may have written (C28).

use super::*;

#[test]
fn c28_hostile_signatures_let_nothing_through() {
    let key = delegation_key();
    let (name, there) = (account("acct"), container("cont"));
    let good = key.sign(&terms(&name, &there, Part::Whole, "rl")).expect("a signature");
    let good = good.expose();
    let asked = request('r', "cont", Some("x"));
    let is_let = |text: &str| allows(text, Key::Delegated(&key), &asked).unwrap_or(false);
    assert!(is_let(good) && is_let(&format!("?{good}")));
    for spoilt in [
        String::new(),
        "?".into(),
        "sig".into(),
        "%".into(),
        "%FF=%FF".into(),
        good.replace("sp=rl", "sp=lr"),
        good.replace("sp=rl", "sp="),
        good.replace("sp=rl&", ""),
        good.replace("sr=c", "sr=b"),
        good.replace("sr=c", "sr=d"),
        good.replace("sr=c", "sr=d&sdd=0"),
        good.replace("sr=c", "sr=d&sdd=99999999999999999999"),
        good.replace("sv=2025-01-05", "sv=2099-01-01"),
        good.replace("sks=b", "sks=f"),
        format!("{good}&sp=racwd"),
        format!("{good}&se=2099-01-01T00%3A00%3A00Z"),
        format!("{good}&si=policy"),
        format!("{good}&unknown=1"),
        good.replace("&sig=", "&sig=%00"),
        good.split("&sig=").next().unwrap_or_default().to_owned(),
        "a=b&".repeat(100_000),
        (0..100_000).map(|it| format!("{it}=&")).collect(),
        "&".repeat(1_000_000),
        "%41".repeat(300_000),
    ] {
        assert!(!is_let(&spoilt), "{}", &spoilt[..spoilt.len().min(200)]);
    }
}

/// A key of a service that answers nonsense signs nothing, and its value is in no error.
#[test]
fn c11_hostile_keys_sign_nothing() {
    let (name, there) = (account("acct"), container("cont"));
    let terms = terms(&name, &there, Part::Whole, "rl");
    for (spoil, why) in [
        (|key: &mut DelegationKey| key.oid = "a\nb".into(), "a line more"),
        (|key: &mut DelegationKey| key.tid = String::new(), "no tenant"),
        (|key: &mut DelegationKey| key.expiry = "hunter2".into(), "no time"),
        (|key: &mut DelegationKey| key.start = "\r".into(), "no time either"),
        (|key: &mut DelegationKey| key.value = "hunter2!".into(), "no base64"),
    ] as [(fn(&mut DelegationKey), &str); 5]
    {
        let mut key = delegation_key();
        spoil(&mut key);
        let error = key.sign(&terms).expect_err(why);
        assert!(!format!("{error:?} {error}").contains("hunter2"), "{why}: {error:?}");
        assert!(!format!("{key:?}").contains("MDEyMzQ1"), "the key is not shown");
    }
    for text in ["", "hunter2!", "=", " "] {
        let error = AccountKey::parse(text.into()).expect_err(text);
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    assert!(!format!("{:?}", account_key()).contains("a2V5"));
}
