//! The proof that a contender did its work.

use std::hash::{DefaultHasher, Hasher};

/// A checksum over (event, data, id) of each frame, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    pub frames: usize,
    sum: u64,
    /// Whether every byte counts, to compare the contenders, or the ends of the texts only, so that
    /// a timed run shows the parser and not the checksum.
    whole: bool,
}

impl Digest {
    pub fn quick() -> Self {
        Self {
            frames: 0,
            sum: 0,
            whole: false,
        }
    }

    pub fn whole() -> Self {
        Self {
            whole: true,
            ..Self::quick()
        }
    }

    #[inline]
    pub fn add(&mut self, event: &str, data: &str, id: &str) {
        self.frames += 1;
        if self.whole {
            let mut hasher = DefaultHasher::new();
            hasher.write_u64(self.sum);
            for text in [event, data, id] {
                hasher.write(text.as_bytes());
                hasher.write_u8(0xFF);
            }
            self.sum = hasher.finish();
            return;
        }
        for text in [event, data, id] {
            let bytes = text.as_bytes();
            let last = bytes.last().copied().unwrap_or(0);
            self.sum = self.sum.rotate_left(7) ^ (bytes.len() as u64) << 8 ^ u64::from(last);
        }
    }
}
