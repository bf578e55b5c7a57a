//! What the demo prints: chapters, what was seen and when, and a verdict.

use std::time::Instant;

/// The story so far.
pub(crate) struct Story {
    began: Instant,
    last: Instant,
}

impl Story {
    pub(crate) fn begin() -> Self {
        let now = Instant::now();
        Self {
            began: now,
            last: now,
        }
    }

    /// A new chapter.
    pub(crate) fn chapter(&mut self, title: &str) {
        println!("\n{title}");
        self.last = Instant::now();
    }

    /// Something that was seen, with the time since the start and how long it took.
    pub(crate) fn saw(&mut self, what: &str) {
        let now = Instant::now();
        let (total, step) = ((now - self.began).as_secs_f64(), (now - self.last).as_secs_f64());
        println!("  {total:6.1} s  (+{step:.1} s)  {what}");
        self.last = now;
    }

    /// A remark.
    pub(crate) fn note(&self, text: &str) {
        println!("            {text}");
    }

    /// The last line.
    pub(crate) fn verdict(&self, text: &str) {
        println!("\n{text} ({:.0} s)", self.began.elapsed().as_secs_f64());
    }
}
