//! The body of an answer, as a connection sends it.

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// From the last byte of a body that ends early to the end, so that what was sent leaves before the connection breaks.
const BREAKS: Duration = Duration::from_millis(20);

/// A body: whole, cut short, or in pieces.
pub(super) struct Answer {
    /// What is still to be sent.
    bytes: Bytes,
    /// Length of the whole body.
    pub(super) whole: usize,
    manner: Manner,
    /// Nothing is sent before it is over.
    pause: Option<Pin<Box<Sleep>>>,
}

/// How a body is sent.
enum Manner {
    Whole,
    /// Its end is missing, and the connection breaks.
    Cut,
    /// So many bytes at a time.
    Pieces(usize, Duration),
}

impl Answer {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self {
            whole: bytes.len(),
            bytes,
            manner: Manner::Whole,
            pause: None,
        }
    }

    /// Ends after so many bytes.
    pub(super) fn cut(mut self, len: usize) -> Self {
        self.bytes.truncate(len);
        self.manner = Manner::Cut;
        self
    }

    /// Comes in pieces.
    pub(super) fn slow(mut self, bytes: usize, every: Duration) -> Self {
        self.manner = Manner::Pieces(bytes.max(1), every);
        self.pause = Some(Box::pin(sleep(every)));
        self
    }

    /// The next bytes, and the pause after them.
    fn next(&mut self) -> (Bytes, Option<Duration>) {
        match self.manner {
            Manner::Whole => (std::mem::take(&mut self.bytes), None),
            Manner::Cut => (std::mem::take(&mut self.bytes), Some(BREAKS)),
            Manner::Pieces(bytes, every) => (self.bytes.split_to(bytes.min(self.bytes.len())), Some(every)),
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(pause) = &mut self.pause {
            std::task::ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        if self.bytes.is_empty() {
            return Poll::Ready(match self.manner {
                Manner::Cut => Some(Err(io::ErrorKind::ConnectionAborted.into())),
                Manner::Whole | Manner::Pieces(..) => None,
            });
        }
        let (bytes, pause) = self.next();
        self.pause = pause.map(|pause| Box::pin(sleep(pause)));
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        match self.manner {
            Manner::Cut => false,
            Manner::Whole | Manner::Pieces(..) => self.bytes.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self.manner {
            Manner::Cut => SizeHint::default(),
            Manner::Whole | Manner::Pieces(..) => SizeHint::with_exact(self.bytes.len() as u64),
        }
    }
}
