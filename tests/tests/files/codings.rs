//! Files that are stored, or sent, in a coded form: gzip and its like. A download is never decoded.

use bytes::Bytes;
use qoder::{Error, ErrorKind, files::Download};
use qoder_tests::gzip;
use qoder_tests::wire::{Act, Step, Wire};

use crate::Folder;
use crate::raw::{self, LINK};

/// Each way to take a download, of a storage that gives these answers, one after the other and the
/// last again and again; and what the storage was asked, the last time.
fn each_way(
    name: &str,
    answers: &[Act],
    how: impl Fn(Download) -> Download,
) -> ([Result<Bytes, Error>; 3], Vec<Option<String>>) {
    let folder = Folder::new(name);
    let mut asked = Vec::new();
    let results = [0, 1, 2].map(|way| {
        let link = raw::answer("200 OK", "", LINK.as_bytes());
        let script = [&[link], answers].concat();
        let last = answers.last().expect("an answer").clone();
        let wire = Wire::new(script, last);
        let download = how(raw::client(&wire).files().download("file_1"));
        let path = folder.path("a.csv");
        let got = raw::run(async {
            match way {
                0 => download.bytes().await,
                1 => {
                    let length = download.to_path(&path).await;
                    assert_eq!(folder.names().len(), usize::from(length.is_ok()));
                    length.map(|_| std::fs::read(&path).expect("a file").into())
                }
                _ => {
                    let mut stream = download.stream();
                    let mut got = Vec::new();
                    while let Some(piece) = stream.next().await {
                        got.extend_from_slice(&piece?);
                    }
                    Ok(got.into())
                }
            }
        });
        let _ = std::fs::remove_file(&path);
        let storage = wire.requests().into_iter().skip(1);
        asked = storage
            .inspect(|seen| assert_eq!(seen.header("accept-encoding"), Some("identity")))
            .map(|seen| seen.header("range").map(ToOwned::to_owned))
            .collect();
        got
    });
    (results, asked)
}

#[test]
fn a_coding_that_was_not_asked_for_is_refused_by_its_name() {
    let body = gzip::stored(b"one, two, three");
    for coding in ["gzip", "x-gzip", "br", "zstd", "deflate", "gzip, br"] {
        let headers = format!("Content-Encoding: {coding}\r\nETag: \"1\"\r\n");
        let whole = raw::answer("200 OK", &headers, &body);
        let (results, asked) = each_way("refused", &[whole], |download| download);
        for got in results {
            let error = got.expect_err(coding);
            assert_eq!(error.kind(), ErrorKind::Decode, "{error:?}");
            let text = error.to_string();
            let name = coding.trim_start_matches("x-");
            assert!(
                text.contains(name) && text.contains("Download::as_stored"),
                "{text}"
            );
        }
        assert_eq!(asked, [None], "it would be the same again");
    }
    // What is no coding is a slip of whoever stored the file.
    for slip in ["utf-8", "identity", "", "aws-chunked", "binary"] {
        let headers = format!("Content-Encoding: {slip}\r\nETag: \"1\"\r\n");
        let whole = raw::answer("200 OK", &headers, b"one, two, three");
        for got in each_way("refused", &[whole], |download| download).0 {
            assert_eq!(got.expect(slip), "one, two, three");
        }
    }
}

/// Offsets are those of the stored bytes, so that is what comes, cut off or not.
#[test]
fn a_coded_file_is_taken_as_it_is_stored() {
    let body = gzip::stored(&vec![b'x'; 3000]);
    let (length, at) = (body.len(), 1000);
    for coding in ["gzip", "br"] {
        let coded = format!("Content-Encoding: {coding}\r\nETag: \"1\"\r\n");
        let whole = raw::answer("200 OK", &coded, &body);
        let (results, _) = each_way("stored", &[whole], Download::as_stored);
        for got in results {
            assert_eq!(got.expect(coding), body);
        }
        let head = format!("HTTP/1.1 200 OK\r\n{coded}Content-Length: {length}\r\n\r\n");
        let cut = [head.as_bytes(), &body[..at]].concat();
        let cut = Act::new([Step::Read, Step::Send(cut.into()), Step::Close]);
        let range = format!(
            "{coded}Content-Range: bytes {at}-{}/{length}\r\n",
            length - 1
        );
        let rest = raw::answer("206 Partial Content", &range, &body[at..]);
        let (results, asked) = each_way("stored", &[cut.clone(), rest], |download| {
            download.as_stored().length(length as u64)
        });
        for got in results {
            assert_eq!(got.expect(coding), body);
        }
        assert_eq!(asked, [None, Some(format!("bytes={at}-"))]);
        // It was said before, and need not be said again (RFC 9110, 15.3.7).
        let bare = range.replace(&coded, "ETag: \"1\"\r\n");
        let rest = raw::answer("206 Partial Content", &bare, &body[at..]);
        let (results, _) = each_way("stored", &[cut.clone(), rest], Download::as_stored);
        for got in results {
            assert_eq!(got.expect(coding), body);
        }
        // The rest of another form of it is no rest.
        let range = range.replace(coding, "zstd");
        let rest = raw::answer("206 Partial Content", &range, &body[at..]);
        let plain = raw::answer("200 OK", "ETag: \"1\"\r\n", &body);
        for other in [
            &[cut.clone(), rest, plain.clone()][..],
            &[cut.clone(), plain],
        ] {
            let (results, _) = each_way("stored", other, Download::as_stored);
            let [bytes, file, stream] = results;
            assert_eq!(bytes.expect("anew"), body);
            assert_eq!(file.expect("anew"), body);
            let error = stream.expect_err("another form");
            assert!(error.to_string().contains("changed"), "{error}");
        }
    }
}
