//! The body of an answer, as a connection sends it.

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::sleep;

/// A body, whole or cut short.
pub(super) struct Answer {
    bytes: Option<Bytes>,
    /// Length of the whole body.
    pub(super) whole: usize,
    /// Set for a body that ends early: a moment later, so that what was sent leaves before the connection breaks.
    breaks: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Answer {
    pub(super) fn new(bytes: Bytes, len: Option<usize>) -> Self {
        let whole = bytes.len();
        let sent = len.map_or_else(|| bytes.clone(), |len| bytes.slice(..len.min(whole)));
        let breaks = len.map(|_| Box::pin(sleep(Duration::from_millis(20))));
        Self {
            bytes: Some(sent).filter(|bytes| !bytes.is_empty()),
            whole,
            breaks,
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
        if let Some(bytes) = self.bytes.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match &mut self.breaks {
            None => Poll::Ready(None),
            Some(soon) => soon
                .as_mut()
                .poll(cx)
                .map(|()| Some(Err(io::ErrorKind::ConnectionAborted.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none() && self.breaks.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        if self.breaks.is_some() {
            SizeHint::default()
        } else {
            SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
        }
    }
}
