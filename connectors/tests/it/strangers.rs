//! C34: connectors are code in the same process, and trusted as such (SECURITY.md). What they break by accident stays
//! with them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use connector_core::{Context, ErrorKind, Grant, VirtualClock};
use tokio::sync::Barrier;

use crate::acme::{cloud, hub, register};

fn one() -> Grant {
    Grant::new("acme-box", "box:one")
}

#[tokio::test]
async fn c34_a_connector_that_panics_takes_nobody_with_it() {
    let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
    let hub = hub(home.path(), &clock).await;
    register(&hub, "broken", "panics").await;
    register(&hub, "whole", "beside-a-panic").await;
    cloud("panics").panics.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        let issuing = tokio::spawn({
            let hub = hub.clone();
            async move { hub.issue("broken", one()).await }
        });
        assert!(issuing.await.expect_err("it panics").is_panic());
        hub.issue("whole", one()).await.expect("its neighbour is not touched");
        clock.advance(Duration::from_secs(3600));
    }
    // No lock is left held or poisoned, also none between processes.
    cloud("panics").panics.store(false, Ordering::SeqCst);
    hub.issue("broken", one()).await.expect("mended");
}

#[tokio::test]
async fn c34_a_connector_that_hangs_blocks_nobody_and_ends() {
    let (home, clock) = (tempfile::tempdir().expect("a directory"), VirtualClock::default());
    let hub = hub(home.path(), &clock).await;
    register(&hub, "hangs", "hangs").await;
    register(&hub, "whole", "beside-one-that-hangs").await;
    let never = Arc::new(Barrier::new(2));
    *cloud("hangs").barrier.lock().expect("no test panics while it holds this") = Some(Arc::clone(&never));
    let logins = cloud("hangs").logins();
    let mut issuing = Box::pin(hub.issue("hangs", one()));
    while cloud("hangs").logins() == logins {
        tokio::select! {
            biased;
            _ = &mut issuing => panic!("nobody answers it"),
            () = tokio::task::yield_now() => {}
        }
    }
    hub.issue("whole", one()).await.expect("its neighbour does not wait");
    clock.advance(Context::DEADLINE);
    let error = issuing.await.expect_err("it was given up");
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert_eq!(error.connector(), Some("hangs"));
}
