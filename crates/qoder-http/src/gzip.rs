//! Compressed responses (RFC 1952), decoded piece by piece.

use bytes::{Buf, Bytes};
use flate2::{Crc, Decompress, FlushDecompress, Status};
use http::Response;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};

use crate::body::ResponseBody;

/// Lets the body be read decoded, and takes away the headers that are then no longer true.
pub(crate) fn decoded(mut response: Response<ResponseBody>) -> Response<ResponseBody> {
    response.headers_mut().remove(CONTENT_ENCODING);
    response.headers_mut().remove(CONTENT_LENGTH);
    response.body_mut().set_gzip();
    response
}

/// What is no gzip, and why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoGzip(pub(crate) &'static str);

/// A decoder: compressed pieces in, decoded pieces of at most [`WINDOW`] bytes out, as soon as
/// they can be known.
pub(crate) struct Gunzip {
    input: Bytes,
    state: State,
    inflate: Decompress,
    crc: Crc,
    window: Box<[u8]>,
    /// Compressed bytes that were read, and decoded ones that came of them.
    taken: u64,
    given: u64,
}

const WINDOW: usize = 16 << 10;

/// A member may begin with this much that decodes to nothing, and a byte of output costs no more
/// than [`DENSITY`] of input: real ones stay far below, and nobody can send without end what has
/// no length.
const SLACK: u64 = 128 << 10;
const DENSITY: u64 = 16;

/// What comes next of a member.
#[derive(Debug)]
enum State {
    /// The fixed part of the head, of which so many bytes were read.
    Head { at: u8, flags: u8 },
    /// The length of the extra field, low byte first.
    ExtraLength { low: Option<u8>, flags: u8 },
    /// So many bytes of the extra field.
    Extra { left: u16, flags: u8 },
    /// The name, the comment: up to a zero.
    Text { flags: u8 },
    /// So many bytes of the checksum of the head.
    HeadSum { left: u8 },
    /// The compressed data.
    Data,
    /// The checksum and length of the data, of which so many bytes were read.
    Sums { at: u8, read: u64 },
}

const START: State = State::Head { at: 0, flags: 0 };

const HEAD_SUM: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

impl Gunzip {
    pub(crate) fn new() -> Self {
        Self {
            input: Bytes::new(),
            state: START,
            inflate: Decompress::new(false),
            crc: Crc::new(),
            window: vec![0; WINDOW].into_boxed_slice(),
            taken: 0,
            given: 0,
        }
    }

    /// Takes compressed bytes. [`next`](Self::next) has asked for them.
    pub(crate) fn push(&mut self, input: Bytes) {
        self.input = input;
    }

    /// Decoded bytes, or `None` if more input is needed.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, NoGzip> {
        loop {
            if self.taken > SLACK + DENSITY * self.given {
                return Err(NoGzip("it goes on and holds nothing"));
            }
            if let State::Data = self.state {
                let (ended, decoded) = self.inflate()?;
                if ended {
                    self.state = State::Sums { at: 0, read: 0 };
                }
                if decoded.is_some() {
                    return Ok(decoded);
                }
                if ended {
                    continue;
                }
            }
            if self.input.is_empty() {
                return Ok(None);
            }
            if !matches!(self.state, State::Data) {
                let byte = self.input.get_u8();
                self.taken += 1;
                self.frame(byte)?;
            }
        }
    }

    /// Whether the body may end here: after a member, or if there is none at all.
    pub(crate) fn may_end(&self) -> bool {
        matches!(self.state, State::Head { at: 0, .. }) && self.input.is_empty()
    }

    /// One step of the compressed data: whether it ended, and what it gave. Called without input
    /// too: some of the output may still be waiting.
    fn inflate(&mut self) -> Result<(bool, Option<Bytes>), NoGzip> {
        let before = (self.inflate.total_in(), self.inflate.total_out());
        let status = self
            .inflate
            .decompress(&self.input, &mut self.window, FlushDecompress::None)
            .map_err(|_| NoGzip("its data can't be decoded"))?;
        let taken = self.inflate.total_in() - before.0;
        let given = self.inflate.total_out() - before.1;
        self.taken += taken;
        self.given += given;
        // Both fit: they count bytes of slices.
        self.input
            .advance(usize::try_from(taken).unwrap_or(usize::MAX));
        let decoded = &self.window[..usize::try_from(given).unwrap_or(WINDOW)];
        self.crc.update(decoded);
        let ended = status == Status::StreamEnd;
        if taken == 0 && given == 0 && !ended && !self.input.is_empty() {
            return Err(NoGzip("its data can't be decoded"));
        }
        let decoded = (!decoded.is_empty()).then(|| Bytes::copy_from_slice(decoded));
        Ok((ended, decoded))
    }

    /// One byte of what is around the data.
    fn frame(&mut self, byte: u8) -> Result<(), NoGzip> {
        self.state = match self.state {
            State::Head { at, flags } => {
                match (at, byte) {
                    (0, 0x1F) | (1, 0x8B) | (2, 8) | (3.., _) => {}
                    (0 | 1, _) => return Err(NoGzip("it doesn't begin as gzip does")),
                    (2, _) => return Err(NoGzip("its method is not deflate")),
                }
                let flags = if at == 3 { byte } else { flags };
                if flags & RESERVED != 0 {
                    return Err(NoGzip("its head has flags that mean nothing"));
                }
                if at < 9 {
                    State::Head { at: at + 1, flags }
                } else {
                    after_fixed(flags)
                }
            }
            State::ExtraLength { low: None, flags } => State::ExtraLength {
                low: Some(byte),
                flags,
            },
            State::ExtraLength {
                low: Some(low),
                flags,
            } => match u16::from_le_bytes([low, byte]) {
                0 => after_fixed(flags & !EXTRA),
                left => State::Extra { left, flags },
            },
            State::Extra { left: 1, flags } => after_fixed(flags & !EXTRA),
            State::Extra { left, flags } => State::Extra {
                left: left - 1,
                flags,
            },
            State::Text { flags } if byte != 0 => State::Text { flags },
            State::Text { flags } if flags & NAME != 0 => after_fixed(flags & !NAME),
            State::Text { flags } => after_fixed(flags & !COMMENT),
            // No byte of the data comes here.
            State::HeadSum { left: 1 } | State::Data => State::Data,
            State::HeadSum { left } => State::HeadSum { left: left - 1 },
            State::Sums { at, read } => {
                let read = read | u64::from(byte) << (8 * at);
                if at < 7 {
                    State::Sums { at: at + 1, read }
                } else {
                    let wanted = u64::from(self.crc.amount()) << 32 | u64::from(self.crc.sum());
                    if read != wanted {
                        return Err(NoGzip("its checksum is another's"));
                    }
                    // Another member may follow; their contents belong together.
                    self.inflate.reset(false);
                    self.crc.reset();
                    START
                }
            }
        };
        Ok(())
    }
}

/// What follows the fixed part of the head, or that of its parts whose flag was taken away.
fn after_fixed(flags: u8) -> State {
    if flags & EXTRA != 0 {
        State::ExtraLength { low: None, flags }
    } else if flags & (NAME | COMMENT) != 0 {
        State::Text { flags }
    } else if flags & HEAD_SUM != 0 {
        State::HeadSum { left: 2 }
    } else {
        State::Data
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder};

    use super::*;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(data).expect("memory");
        encoder.finish().expect("memory")
    }

    /// Decodes pieces of this size, and says whether it may end after them.
    fn gunzip(compressed: &[u8], piece: usize) -> Result<(Vec<u8>, bool), NoGzip> {
        let mut gunzip = Gunzip::new();
        let mut decoded = Vec::new();
        for piece in compressed.chunks(piece) {
            gunzip.push(Bytes::copy_from_slice(piece));
            while let Some(bytes) = gunzip.next()? {
                assert!(bytes.len() <= WINDOW);
                decoded.extend_from_slice(&bytes);
            }
        }
        Ok((decoded, gunzip.may_end()))
    }

    /// Text that neither repeats itself nor is without pattern.
    fn text(bytes: usize) -> Vec<u8> {
        let mut at = 1u64;
        let mut next = || {
            at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            b"etaoin shrdlu, "[(at >> 60) as usize % 15]
        };
        (0..bytes).map(|_| next()).collect()
    }

    /// A member with each optional part of the head, and empty ones of them.
    fn adorned(data: &[u8], flags: u8, extra: &[u8], name: &[u8]) -> Vec<u8> {
        let mut member = vec![0x1F, 0x8B, 8, flags, 1, 2, 3, 4, 0, 255];
        if flags & EXTRA != 0 {
            let length = u16::try_from(extra.len()).expect("short");
            member.extend_from_slice(&length.to_le_bytes());
            member.extend_from_slice(extra);
        }
        for flag in [NAME, COMMENT] {
            if flags & flag != 0 {
                member.extend_from_slice(name);
                member.push(0);
            }
        }
        if flags & HEAD_SUM != 0 {
            member.extend_from_slice(&[7, 7]);
        }
        let mut encoder = DeflateEncoder::new(member, Compression::best());
        encoder.write_all(data).expect("memory");
        let mut member = encoder.finish().expect("memory");
        let mut crc = Crc::new();
        crc.update(data);
        member.extend_from_slice(&crc.sum().to_le_bytes());
        member.extend_from_slice(&crc.amount().to_le_bytes());
        member
    }

    #[test]
    fn pieces_of_any_size_decode_to_the_same() {
        for data in [
            Vec::new(),
            b"x".to_vec(),
            text(100),
            text(100_000),
            vec![0; 1 << 20],
        ] {
            let compressed = gzip(&data);
            for piece in [1, 2, 7, 1000, 1 << 20] {
                let (decoded, end) = gunzip(&compressed, piece).expect("gzip");
                assert!(decoded == data && end, "{} in {piece}", data.len());
            }
        }
    }

    #[test]
    fn heads_have_parts_that_mean_nothing_here() {
        let data = text(1000);
        for flags in 0..32 {
            for (extra, name) in [(&b""[..], &b""[..]), (b"extra\0", b"name")] {
                let member = adorned(&data, flags, extra, name);
                for piece in [1, 5000] {
                    let (decoded, end) = gunzip(&member, piece).expect("gzip");
                    assert!(decoded == data && end, "flags {flags}");
                }
            }
        }
    }

    #[test]
    fn members_follow_each_other() {
        let (one, two) = (text(5000), text(70));
        let both = [gzip(&one), gzip(b""), adorned(&two, 31, b"e", b"n")].concat();
        for piece in [1, 3, 1 << 20] {
            let (decoded, end) = gunzip(&both, piece).expect("gzip");
            assert!(decoded == [one.clone(), two.clone()].concat() && end);
        }
    }

    #[test]
    fn what_is_cut_off_may_not_end() {
        let data = text(3000);
        let compressed = gzip(&data);
        assert!(Gunzip::new().may_end(), "nothing at all");
        for cut in 1..compressed.len() {
            let (decoded, end) = gunzip(&compressed[..cut], 64).expect("gzip so far");
            assert!(!end && data.starts_with(&decoded), "{cut}");
        }
        let more = [&compressed[..], &[0x1F]].concat();
        assert!(!gunzip(&more, 64).expect("gzip so far").1);
    }

    #[test]
    fn what_was_changed_is_found_out() {
        let data = text(300);
        let good = gzip(&data);
        for at in (0..good.len()).filter(|at| !(4..10).contains(at)) {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                let found = gunzip(&bad, 1 << 10);
                // The bits that fill the last byte of the data mean nothing.
                let noticed = match &found {
                    Ok((decoded, end)) => !end || *decoded == data,
                    Err(_) => true,
                };
                assert!(noticed, "byte {at}, bit {bit}");
            }
        }
        for (bytes, why) in [
            (&b"{\"plain\": true}"[..], "begin"),
            (b"\x1F\x8C", "begin"),
            (b"\x1F\x8B\x07", "method"),
            (b"\x1F\x8B\x08\x80", "flags"),
        ] {
            let error = gunzip(bytes, 1).expect_err(why);
            assert!(error.0.contains(why), "{error:?}");
        }
        let garbage = [&good[..], b"garbage"].concat();
        assert!(gunzip(&garbage, 1 << 10).is_err());
    }

    #[test]
    fn what_was_flushed_is_there_at_once() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let mut gunzip = Gunzip::new();
        let mut sent = 0;
        for at in 0..500 {
            // Small ones, and some that fill windows to the byte.
            let event = text(if at % 50 == 7 {
                WINDOW * 3
            } else {
                1 + at % 90
            });
            encoder.write_all(&event).expect("memory");
            encoder.flush().expect("memory");
            let compressed = encoder.get_ref()[sent..].to_vec();
            sent += compressed.len();
            gunzip.push(compressed.into());
            let mut decoded = Vec::new();
            while let Some(bytes) = gunzip.next().expect("gzip") {
                decoded.extend_from_slice(&bytes);
            }
            assert!(decoded == event, "event {at}");
        }
    }

    #[test]
    fn what_has_no_length_ends() {
        let head: &[u8] = b"\x1F\x8B\x08\x00\0\0\0\0\0\xFF";
        let empty_block: &[u8] = &[0, 0, 0, 0xFF, 0xFF];
        let name: &[u8] = b"\x1F\x8B\x08\x08\0\0\0\0\0\xFF";
        for (what, first, rest) in [
            ("blocks", head, empty_block.to_vec()),
            ("a name", name, vec![b'n'; 100]),
            ("members", b"", gzip(b"")),
        ] {
            let mut gunzip = Gunzip::new();
            gunzip.push(Bytes::copy_from_slice(first));
            let mut fed = 0;
            let error = loop {
                match gunzip.next() {
                    Ok(Some(bytes)) => panic!("{what}: {bytes:?}"),
                    Ok(None) => {}
                    Err(error) => break error,
                }
                gunzip.push(rest.clone().into());
                fed += rest.len() as u64;
                assert!(fed <= SLACK + 1000, "{what}");
            };
            assert!(error.0.contains("nothing"), "{what}: {error:?}");
        }
    }
}
