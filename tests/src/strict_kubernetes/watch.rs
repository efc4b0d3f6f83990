use serde_json::{Value, json};

use super::objects::Selection;
use super::status::Status;
use crate::loopback::{Answer, Piece, Writer, stream};

/// How a test ends open watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WatchEnd {
    /// The answer ends as it should, as after `timeoutSeconds`.
    Closed,
    /// The connection ends in the middle of the answer.
    Cut,
    /// An error event says that the asked revision is gone (410): who watches has to list again.
    Gone,
    /// An error event says that the credential does not hold any more (401).
    Unauthorized,
}

/// What happened to one object.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) revision: u64,
    pub(super) what: &'static str,
    pub(super) resource: String,
    pub(super) object: Value,
}

/// What else is known of a watch.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// The token with which it was opened.
    pub(super) token: Option<String>,
    /// When the client asked it to end.
    pub(super) closes: Option<i64>,
}

/// An open watch. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct Watch {
    selection: Selection,
    pub(super) facts: Facts,
    writer: Writer,
}

impl Watch {
    pub(super) fn open(selection: Selection, facts: Facts) -> (Self, Answer) {
        let (writer, reader) = stream();
        let answer = Answer { rest: Some(reader), ..Answer::new(200, "application/json", "") };
        (Self { selection, facts, writer }, answer)
    }

    /// Tells an event that it is about; `false` when nobody listens any more.
    pub(super) fn tell(&self, event: &Event) -> bool {
        match self.selection.takes(&event.resource, &event.object) {
            true => self.send(event.what, &event.object),
            false => !self.writer.is_closed(),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        !self.writer.is_closed()
    }

    /// Ends it with an error.
    pub(super) fn fail(self, status: &Status) {
        self.send("ERROR", &status.as_object());
    }

    pub(super) fn end(self, how: WatchEnd) {
        match how {
            WatchEnd::Closed => {}
            WatchEnd::Cut => {
                let _ = self.writer.send(Piece::Cut);
            }
            WatchEnd::Gone => self.fail(&Status::expired(1, 2)),
            WatchEnd::Unauthorized => self.fail(&Status::unauthorized()),
        }
    }

    fn send(&self, what: &str, object: &Value) -> bool {
        let line = format!("{}\n", json!({ "type": what, "object": object }));
        self.writer.send(Piece::Data(line.into_bytes())).is_ok()
    }
}
