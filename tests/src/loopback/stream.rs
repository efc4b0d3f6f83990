//! Bodies that go on while the server does other things, such as a watch.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// One piece of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Data(Vec<u8>),
    /// The connection ends here, though the body does not.
    Cut,
}

/// The end that the handler keeps. The body ends when it goes.
pub(crate) type Writer = UnboundedSender<Piece>;

/// The end that the client reads from.
#[derive(Debug, Clone)]
pub(crate) struct Stream(Arc<Mutex<UnboundedReceiver<Piece>>>);

/// Both ends of a body.
pub(crate) fn stream() -> (Writer, Stream) {
    let (writer, reader) = unbounded_channel();
    (writer, Stream(Arc::new(Mutex::new(reader))))
}

impl Stream {
    pub(super) fn poll(&self, context: &mut Context<'_>) -> Poll<Option<Piece>> {
        self.0.lock().expect("nothing panics while it reads").poll_recv(context)
    }
}

/// Two streams are equal when they are the same one.
impl PartialEq for Stream {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Stream {}
