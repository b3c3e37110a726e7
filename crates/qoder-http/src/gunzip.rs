//! Compressed responses (RFC 1952), decoded piece by piece.

use std::io::Write;

use bytes::{Buf, Bytes};
use flate2::write::GzDecoder;

/// A decoder that never waits: compressed pieces in, decoded pieces out as soon as they can be known.
///
/// [`next`](Self::next) is called until it returns `None`, then [`push`](Self::push) with the next
/// compressed piece, and so on; at the end of the compressed bytes, [`finish`](Self::finish) says
/// whether they were complete. A piece that is pushed earlier takes the place of what is left of
/// the one before it. An error stays one, however often it is asked for.
///
/// A body may consist of several members, whose contents belong together (section 2.2), and end in
/// zeros, which some writers pad with. Anything else behind a member is an error, as is a body of
/// zeros alone. A body of no bytes is an empty one.
///
/// A piece has at most [`LARGEST`] bytes, and no more is decoded ahead than a window of deflate and
/// flate2's buffer hold, some 64 KiB: what a small piece expands to is decoded as it is taken.
pub(crate) struct Gunzip {
    input: Bytes,
    state: State,
    decoded: Bytes,
    /// Compressed bytes that were read, and decoded ones that came of them.
    taken: u64,
    given: u64,
}

/// The part of a member that the next compressed byte belongs to.
enum State {
    /// The first member, or nothing at all.
    Start,
    Member(Box<GzDecoder<Vec<u8>>>),
    /// Another member, or padding.
    Between,
    Padding,
}

/// A fault of compressed bytes.
#[derive(Debug)]
pub(crate) enum GunzipError {
    /// They end before their last member does.
    Truncated,
    /// They are no gzip, for this reason.
    Invalid(String),
}

/// The most bytes of a decoded piece.
pub(crate) const LARGEST: usize = 16 << 10;

/// A body may begin with this much that decodes to nothing, and a byte of output costs no more
/// than [`DENSITY`] of input: real ones stay far below, and nobody can send without end what has
/// no length.
const SLACK: u64 = 128 << 10;
const DENSITY: u64 = 16;

impl Gunzip {
    pub(crate) fn new() -> Self {
        Self {
            input: Bytes::new(),
            state: State::Start,
            decoded: Bytes::new(),
            taken: 0,
            given: 0,
        }
    }

    /// Takes compressed bytes. [`next`](Self::next) has asked for them.
    pub(crate) fn push(&mut self, input: Bytes) {
        self.input = input;
    }

    /// Returns decoded bytes, or `None` if more input is needed.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, GunzipError> {
        loop {
            if !self.decoded.is_empty() {
                let piece = self.decoded.len().min(LARGEST);
                return Ok(Some(self.decoded.split_to(piece)));
            }
            if self.taken > SLACK + DENSITY * self.given {
                return Err(invalid("it goes on and holds nothing"));
            }
            if self.input.is_empty() {
                return Ok(None);
            }
            let taken = self.step()?;
            self.input.advance(taken);
            self.taken += taken as u64;
        }
    }

    /// Takes the end of the compressed bytes, after [`next`](Self::next) has returned `None`.
    pub(crate) fn finish(&mut self) -> Result<(), GunzipError> {
        if let State::Member(member) = &mut self.state {
            // Only one that has ended takes nothing more.
            if !matches!(member.write(&[0]), Ok(0)) {
                return Err(GunzipError::Truncated);
            }
            member.try_finish().map_err(invalid)?;
            self.state = State::Between;
        }
        Ok(())
    }

    /// Does something about the input, of which there is some, and returns how much of it is done.
    fn step(&mut self) -> Result<usize, GunzipError> {
        match &mut self.state {
            State::Start | State::Between if self.input[0] == 0x1F => {
                self.state = State::Member(Box::new(GzDecoder::new(Vec::new())));
                Ok(0)
            }
            State::Start => Err(invalid("it doesn't begin as gzip does")),
            State::Between if self.input[0] == 0 => {
                self.state = State::Padding;
                Ok(0)
            }
            State::Padding if self.input.iter().all(|byte| *byte == 0) => Ok(self.input.len()),
            State::Between | State::Padding => Err(invalid("something else follows it")),
            State::Member(member) => {
                let taken = member.write(&self.input).map_err(invalid)?;
                if taken == 0 {
                    member.try_finish().map_err(invalid)?;
                } else if taken == self.input.len() {
                    // What can be known of the content is kept back by nobody.
                    member.flush().map_err(invalid)?;
                }
                let decoded = std::mem::take(member.get_mut());
                self.given += decoded.len() as u64;
                self.decoded = decoded.into();
                if taken == 0 {
                    self.state = State::Between;
                }
                Ok(taken)
            }
        }
    }
}

fn invalid(why: impl ToString) -> GunzipError {
    GunzipError::Invalid(why.to_string())
}

#[cfg(test)]
mod tests {
    use flate2::write::{DeflateEncoder, GzEncoder};
    use flate2::{Compression, Crc};

    use super::*;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(data).expect("memory");
        encoder.finish().expect("memory")
    }

    /// The bytes decoded before the end, and whether the input may end there.
    type Decoded = Result<(Vec<u8>, Result<(), GunzipError>), GunzipError>;

    /// Decodes pieces, and ends after them.
    fn gunzip_pieces<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> Decoded {
        let mut gunzip = Gunzip::new();
        let mut decoded = Vec::new();
        for piece in pieces {
            gunzip.push(Bytes::copy_from_slice(piece));
            loop {
                match gunzip.next() {
                    Ok(Some(bytes)) => {
                        assert!((1..=LARGEST).contains(&bytes.len()));
                        decoded.extend_from_slice(&bytes);
                    }
                    Ok(None) => break,
                    Err(error) => {
                        assert!(gunzip.next().is_err(), "it stays one: {error:?}");
                        return Err(error);
                    }
                }
            }
        }
        let end = gunzip.finish();
        if end.is_ok() {
            gunzip
                .finish()
                .expect("an end is one, however often it is asked for");
        }
        Ok((decoded, end))
    }

    /// Decodes pieces of this size.
    fn gunzip(compressed: &[u8], piece: usize) -> Decoded {
        gunzip_pieces(compressed.chunks(piece))
    }

    /// Returns the content, decoded in pieces of this size, which must be complete.
    fn whole(compressed: &[u8], piece: usize) -> Vec<u8> {
        let (decoded, end) = gunzip(compressed, piece).expect("gzip");
        end.expect("an end");
        decoded
    }

    fn reason(error: GunzipError) -> String {
        match error {
            GunzipError::Invalid(why) => why,
            GunzipError::Truncated => "truncated".to_owned(),
        }
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

    /// The optional parts of a head, as bits of its flags.
    const HEAD_SUM: u8 = 1 << 1;
    const EXTRA: u8 = 1 << 2;
    const NAME: u8 = 1 << 3;
    const COMMENT: u8 = 1 << 4;

    /// A member with these optional parts of the head, which may be empty.
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
        let crc = |bytes: &[u8]| {
            let mut crc = Crc::new();
            crc.update(bytes);
            crc.sum().to_le_bytes()
        };
        if flags & HEAD_SUM != 0 {
            let sum = crc(&member);
            member.extend_from_slice(&sum[..2]);
        }
        let mut encoder = DeflateEncoder::new(member, Compression::best());
        encoder.write_all(data).expect("memory");
        let mut member = encoder.finish().expect("memory");
        let length = u32::try_from(data.len()).expect("short");
        member.extend_from_slice(&crc(data));
        member.extend_from_slice(&length.to_le_bytes());
        member
    }

    #[test]
    fn pieces_of_any_size_decode_to_the_same() {
        for data in [
            Vec::new(),
            b"x".to_vec(),
            text(100),
            text(30_000),
            vec![0; 1 << 18],
        ] {
            let compressed = gzip(&data);
            for piece in [1, 2, 7, 1000, 1 << 20] {
                assert!(
                    whole(&compressed, piece) == data,
                    "{} in {piece}",
                    data.len()
                );
            }
        }
    }

    /// Every way to send a body in two pieces, with all that a body may have.
    #[test]
    fn every_split_decodes_to_the_same() {
        let (one, two) = (text(300), text(70));
        let compressed = [
            adorned(&one, 31, b"extra", b"name"),
            gzip(b""),
            gzip(&two),
            vec![0; 5],
        ]
        .concat();
        let data = [one, two].concat();
        for at in 0..=compressed.len() {
            let (first, second) = compressed.split_at(at);
            let (decoded, end) = gunzip_pieces([first, second]).expect("gzip");
            end.expect("an end");
            assert!(decoded == data, "{at}");
        }
    }

    #[test]
    fn heads_have_parts_that_mean_nothing_here() {
        let data = text(1000);
        for flags in 0..32 {
            for (extra, name) in [(&b""[..], &b""[..]), (b"extra\0", b"name")] {
                let member = adorned(&data, flags, extra, name);
                for piece in [1, 5000] {
                    assert!(whole(&member, piece) == data, "flags {flags}");
                }
            }
        }
    }

    #[test]
    fn members_follow_each_other() {
        let (one, two) = (text(5000), text(70));
        let both = [gzip(&one), gzip(b""), adorned(&two, 31, b"e", b"n")].concat();
        for piece in [1, 3, 1 << 20] {
            assert!(whole(&both, piece) == [one.clone(), two.clone()].concat());
        }
    }

    /// Some writers fill up blocks: of tapes, of caches.
    #[test]
    fn zeros_at_the_end_are_padding() {
        let data = text(300);
        for zeros in [1, 7, 8, 512, 10_000] {
            let padded = [gzip(&data), vec![0; zeros]].concat();
            for piece in [1, 100, 1 << 20] {
                assert!(whole(&padded, piece) == data, "{zeros} in {piece}");
            }
            let more = [padded, gzip(&data)].concat();
            for piece in [1, 100, 1 << 20] {
                let error = gunzip(&more, piece).expect_err("something after the padding");
                assert!(reason(error).contains("follows"), "{zeros} in {piece}");
            }
        }
        let error = gunzip(&[0; 20], 7).expect_err("padding of nothing");
        assert!(reason(error).contains("begin"));
    }

    #[test]
    fn what_is_cut_off_is_truncated() {
        let data = text(500);
        let compressed = adorned(&data, 31, b"extra", b"name");
        Gunzip::new().finish().expect("nothing at all");
        for cut in 1..compressed.len() {
            for piece in [1, 64, 1 << 20] {
                let (decoded, end) = gunzip(&compressed[..cut], piece).expect("gzip so far");
                assert!(matches!(end, Err(GunzipError::Truncated)), "{cut}");
                assert!(data.starts_with(&decoded), "{cut}");
            }
        }
        let more = [&compressed[..], &[0x1F]].concat();
        let (decoded, end) = gunzip(&more, 64).expect("gzip so far");
        assert!(decoded == data && matches!(end, Err(GunzipError::Truncated)));
    }

    #[test]
    fn what_was_changed_is_found_out() {
        let data = text(300);
        let good = gzip(&data);
        for at in (0..good.len()).filter(|at| !(4..10).contains(at)) {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                // The bits that fill the last byte of the data mean nothing.
                let noticed = match gunzip(&bad, 1 << 10) {
                    Ok((decoded, end)) => end.is_err() || decoded == data,
                    Err(_) => true,
                };
                assert!(noticed, "byte {at}, bit {bit}");
            }
        }
        for (bytes, why) in [
            (&b"{\"plain\": true}"[..], "begin"),
            (b"no", "begin"),
            (b"\x1F\x8C\x08\0\0\0\0\0\0\xFF", "header"),
            (b"\x1F\x8B\x07\0\0\0\0\0\0\xFF", "header"),
            (b"\x1F\x8B\x08\x80\0\0\0\0\0\xFF", "header"),
        ] {
            for piece in [1, 1 << 10] {
                let why_not = reason(gunzip(bytes, piece).expect_err(why));
                assert!(why_not.contains(why), "{why_not}");
            }
        }
        for garbage in [&b"garbage"[..], b"\0garbage", b"\0\0\x1F\x8B"] {
            let garbage = [&good[..], garbage].concat();
            for piece in [1, 1 << 10] {
                let error = gunzip(&garbage, piece).expect_err("garbage");
                assert!(reason(error).contains("follows"));
            }
        }
    }

    /// A checksum is known to be wrong at the end at the latest, and is not taken for a missing one.
    #[test]
    fn a_wrong_checksum_is_not_a_missing_one() {
        let mut bad = gzip(&text(300));
        let last = bad.len() - 1;
        bad[last] ^= 1;
        for piece in [1, 1 << 10] {
            let (_, end) = gunzip(&bad, piece).expect("gzip so far");
            let why = reason(end.expect_err("another's checksum"));
            assert!(why.contains("checksum"), "{why}");
            let more = [&bad[..], &gzip(b"x")].concat();
            let why = reason(gunzip(&more, piece).expect_err("another's checksum"));
            assert!(why.contains("checksum"), "{why}");
        }
    }

    #[test]
    fn what_was_flushed_is_there_at_once() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let mut gunzip = Gunzip::new();
        let mut sent = 0;
        for at in 0..500 {
            // Small ones, some that fill windows to the byte, and some that hardly need input.
            let event = match at % 50 {
                7 => text(LARGEST * 3),
                8 => vec![b'x'; LARGEST * (1 + at / 50)],
                _ => text(1 + at % 90),
            };
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

    /// A small piece may stand for a thousand times as much, of which little is decoded ahead.
    #[test]
    fn little_is_decoded_ahead() {
        let compressed = gzip(&vec![0; 4 << 20]);
        let mut gunzip = Gunzip::new();
        gunzip.push(compressed.into());
        let mut given = 0;
        while let Some(bytes) = gunzip.next().expect("gzip") {
            given += bytes.len();
            assert!(gunzip.decoded.len() <= 96 << 10);
        }
        assert_eq!(given, 4 << 20);
    }

    #[test]
    fn what_has_no_length_ends() {
        let head: &[u8] = b"\x1F\x8B\x08\x00\0\0\0\0\0\xFF";
        let empty_block: &[u8] = &[0, 0, 0, 0xFF, 0xFF];
        let name: &[u8] = b"\x1F\x8B\x08\x08\0\0\0\0\0\xFF";
        for (what, first, rest, why) in [
            ("blocks", head, empty_block.to_vec(), "nothing"),
            ("a name", name, vec![b'n'; 100], "too long"),
            ("members", b"", gzip(b""), "nothing"),
            ("padding", &gzip(b""), vec![0; 100], "nothing"),
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
            let said = reason(error);
            assert!(said.contains(why), "{what}: {said}");
        }
    }
}
