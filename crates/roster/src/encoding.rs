//! From bytes to text: which encoding a file has, and its lines decoded one by one. A byte that does not decode is
//! damage, never a replacement character. Quotes and cells are `records`' business.

use std::io::{self, Read};

use encoding_rs::{BIG5, DecoderResult, Encoding as Charset, GB18030, UTF_8, UTF_16BE, UTF_16LE};

use super::error::Damage;
use crate::config::Encoding;

/// The longest line, and the longest record over several lines, in bytes as they are in the file.
pub(super) const MAX_LINE: usize = 64 * 1024;
/// How much is looked at to find the encoding.
pub(super) const SNIFF: usize = 256 * 1024;
/// From this many signs of another language on, a guess counts as a doubt.
const DOUBT: usize = 20;

/// What is known of a text's encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    /// Nothing but ASCII so far: decided at the first line that has more.
    Ascii,
    /// This one.
    Known(&'static Charset),
}

impl Text {
    /// As reports name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ascii => "ascii",
            Self::Known(charset) if charset == UTF_8 => "utf-8",
            Self::Known(charset) if charset == GB18030 => "gb18030",
            Self::Known(charset) if charset == BIG5 => "big5",
            Self::Known(charset) if charset == UTF_16LE => "utf-16le",
            Self::Known(charset) if charset == UTF_16BE => "utf-16be",
            Self::Known(charset) => charset.name(),
        }
    }
}

/// The character set of a configured encoding.
pub(super) fn configured(encoding: Encoding) -> Option<&'static Charset> {
    match encoding {
        Encoding::Auto => None,
        Encoding::Utf8 => Some(UTF_8),
        Encoding::Gb18030 => Some(GB18030),
        Encoding::Big5 => Some(BIG5),
        Encoding::Utf16Le => Some(UTF_16LE),
        Encoding::Utf16Be => Some(UTF_16BE),
    }
}

/// A byte order mark at the start: what it says and its length.
pub(super) fn byte_order_mark(head: &[u8]) -> Option<(&'static Charset, usize)> {
    Charset::for_bom(head)
}

/// UTF-16 without a mark: zeros on one side of the pairs only, and many of them.
pub(super) fn unmarked_utf16(head: &[u8]) -> Option<&'static Charset> {
    let zeros = |odd: usize| head.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let many = 2.max(head.len() / 20);
    match (even, odd) {
        (0, odd) if odd > many => Some(UTF_16LE),
        (even, 0) if even > many => Some(UTF_16BE),
        _ => None,
    }
}

/// How a stretch of bytes fares as UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Utf8Score {
    good: usize,
    bad: usize,
    /// The only fault is a character that the end cuts off.
    cut: bool,
}

fn utf8_score(bytes: &[u8], at_end: bool) -> Utf8Score {
    let mut score = Utf8Score::default();
    for chunk in bytes.utf8_chunks() {
        score.good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        score.bad += usize::from(!chunk.invalid().is_empty());
    }
    let cut = std::str::from_utf8(bytes).is_err_and(|e| e.error_len().is_none());
    if cut && !at_end {
        score.bad -= 1;
    }
    score.cut = cut && at_end;
    score
}

/// Decides between ASCII, UTF-8 and the older encodings; of these, `fits` says how well one suits the header.
pub(super) fn decide(
    bytes: &[u8],
    at_end: bool,
    fits: impl Fn(&'static Charset) -> usize,
) -> Result<Text, Damage> {
    let score = utf8_score(bytes, at_end);
    if score.good == 0 && score.bad == 0 {
        return Ok(Text::Ascii);
    }
    if score.good == 0 && score.cut {
        return Err(Damage::UnclearEncoding { first: "utf-8", second: "gb18030" });
    }
    if score.bad == 0 && reads_as_chinese_too(bytes) {
        return Err(Damage::UnclearEncoding { first: "utf-8", second: "gb18030" });
    }
    if score.bad <= score.good {
        // Damaged UTF-8 stays UTF-8: a cut or a joined file must not pass as something older by luck.
        return Ok(Text::Known(UTF_8));
    }
    let (gb, big5) = (fits(GB18030), fits(BIG5));
    if big5 > gb {
        return Ok(Text::Known(BIG5));
    }
    if big5 == gb && score.bad >= DOUBT && guess(bytes) == BIG5 {
        return Err(Damage::UnclearEncoding { first: "big5", second: "gb18030" });
    }
    Ok(Text::Known(GB18030))
}

/// Whether everything beyond ASCII in a sound UTF-8 text is as sound in GBK, and more likely meant so: a file with one
/// Chinese name in it. Nobody can tell then, and a wrong guess would rename somebody.
fn reads_as_chinese_too(bytes: &[u8]) -> bool {
    let (mut doubtful, mut plain) = (0_usize, 0_usize);
    let mut at = 0;
    while let Some(start) = bytes[at..].iter().position(|byte| !byte.is_ascii()).map(|skip| at + skip) {
        let length = bytes[start..].iter().take_while(|byte| !byte.is_ascii()).count();
        at = start + length;
        let run = &bytes[start..at];
        if !is_common_chinese(run) {
            return false;
        }
        let before = bytes[..start].iter().rev().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let after = bytes[at..].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        match std::str::from_utf8(run) {
            Ok(word) if is_word(word, before + after) => plain += 1,
            _ => doubtful += 1,
        }
    }
    doubtful > plain
}

/// Pairs that are all Chinese characters of GB 2312.
fn is_common_chinese(run: &[u8]) -> bool {
    run.len().is_multiple_of(2) && run.chunks(2).all(|pair| matches!(pair, [0xb0..=0xf7, 0xa1..=0xfe]))
}

/// Whether letters beyond ASCII make a word as people write it: accented ones among others (`José`), or several of one
/// alphabet. `beside`: ASCII letters that adjoin.
fn is_word(text: &str, beside: usize) -> bool {
    let alphabet = |c: char| match u32::from(c) {
        0x80..=0x24f => 1,
        0x370..=0x3ff => 2,
        0x400..=0x52f => 3,
        0x530..=0x58f => 4,
        0x590..=0x5ff => 5,
        0x600..=0x77f => 6,
        _ => 0,
    };
    let first = text.chars().next().map_or(0, alphabet);
    let one = first > 0 && text.chars().all(|c| c.is_alphabetic() && alphabet(c) == first);
    one && (if first == 1 { beside >= 2 } else { text.chars().count() >= 4 })
}

fn guess(bytes: &[u8]) -> &'static Charset {
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    detector.guess(None, chardetng::Utf8Detection::Deny)
}

/// Decodes all of `bytes`; the error is the offset of the first byte that does not fit.
fn decode_strict(charset: &'static Charset, bytes: &[u8], out: &mut String) -> Result<(), usize> {
    if charset == UTF_8 {
        let text = std::str::from_utf8(bytes).map_err(|e| e.valid_up_to())?;
        out.push_str(text);
        return Ok(());
    }
    if bytes.is_ascii() {
        out.extend(std::str::from_utf8(bytes));
        return Ok(());
    }
    let mut decoder = charset.new_decoder_without_bom_handling();
    out.reserve(decoder.max_utf8_buffer_length_without_replacement(bytes.len()).unwrap_or(bytes.len() * 3));
    match decoder.decode_to_string_without_replacement(bytes, out, true) {
        (DecoderResult::Malformed(length, after), read) => {
            Err(read.saturating_sub(usize::from(length) + usize::from(after)))
        }
        _ => Ok(()),
    }
}

/// Whether a line of an older encoding is plainly UTF-8: three Chinese characters or more, and nothing else.
fn plainly_utf8(line: &[u8]) -> bool {
    std::str::from_utf8(line).is_ok_and(|text| {
        let mut signs = text.chars().filter(|c| !c.is_ascii()).peekable();
        signs.peek().is_some()
            && text.chars().filter(|c| matches!(c, '\u{4e00}'..='\u{9fff}')).count() >= 3
            && signs.all(|c| matches!(c, '\u{3000}'..='\u{9fff}' | '\u{ff00}'..='\u{ffef}'))
    })
}

/// How a line ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LineEnd {
    /// Whether a line end was there (the last line may have none).
    pub terminated: bool,
    /// A carriage return that no line feed follows stands in the line.
    pub bare_return: bool,
}

/// Why no line came.
#[derive(Debug)]
pub(super) enum LineFault {
    /// The input failed.
    Io(io::Error),
    /// The bytes are damaged.
    Damage(Damage),
}

/// The lines of a text, decoded, one at a time and at most [`MAX_LINE`] bytes each.
pub(super) struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
    start: usize,
    at_end: bool,
    text: Text,
    offset: u64,
    number: u64,
}

impl<R: Read> Lines<R> {
    /// Lines of `input` in the encoding `text`.
    pub(super) fn new(input: R, text: Text) -> Self {
        Self { input, buffer: Vec::new(), start: 0, at_end: false, text, offset: 0, number: 0 }
    }

    /// The encoding, as far as it is known by now.
    pub(super) fn text(&self) -> Text {
        self.text
    }

    /// The number of the line read last, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Appends the next line to `out`, without its line end; `None` at the end of the text.
    pub(super) fn next_line(&mut self, out: &mut String) -> Result<Option<LineEnd>, LineFault> {
        self.number += 1;
        let found = self.find_end()?;
        let rest = self.buffer.len() - self.start;
        let (length, skip) = match found {
            Some(end) => (end, end + 1),
            None if rest == 0 => {
                self.number -= 1;
                return Ok(None);
            }
            None => (rest, rest),
        };
        let raw = &self.buffer[self.start..self.start + length];
        let body = raw.iter().rposition(|byte| *byte != b'\r').map_or(0, |last| last + 1);
        let returned = body < raw.len();
        let line = &self.buffer[self.start..self.start + body];
        let bare_return = line.contains(&b'\r');
        if self.text == Text::Ascii && !line.is_ascii() {
            let rest = &self.buffer[self.start..];
            self.text = decide(rest, self.at_end, |_| 0).map_err(LineFault::Damage)?;
        }
        let charset = match self.text {
            Text::Known(charset) => charset,
            Text::Ascii => UTF_8,
        };
        if charset != UTF_8 && plainly_utf8(line) {
            return Err(LineFault::Damage(Damage::MixedEncodings { encoding: self.text.name() }));
        }
        let before = out.len();
        decode_strict(charset, line, out).map_err(|at| {
            let offset = self.offset + at as u64;
            LineFault::Damage(Damage::Undecodable { encoding: self.text.name(), offset })
        })?;
        if out[before..].contains('\u{fffd}') {
            return Err(LineFault::Damage(Damage::LostCharacter));
        }
        self.start += skip;
        self.offset += skip as u64;
        Ok(Some(LineEnd { terminated: found.is_some() || returned, bare_return }))
    }

    /// The distance to the next line feed; `None` when the text ends before one.
    fn find_end(&mut self) -> Result<Option<usize>, LineFault> {
        let mut searched = 0;
        loop {
            let window = &self.buffer[self.start..];
            let limit = window.len().min(MAX_LINE + 1);
            if let Some(at) = window[searched.min(limit)..limit].iter().position(|byte| *byte == b'\n') {
                return Ok(Some(searched + at));
            }
            if limit > MAX_LINE {
                return Err(LineFault::Damage(Damage::LineTooLong { limit: MAX_LINE }));
            }
            if self.at_end {
                return Ok(None);
            }
            searched = limit;
            self.fill().map_err(|e| match e.downcast::<Damage>() {
                Ok(damage) => LineFault::Damage(damage),
                Err(e) => LineFault::Io(e),
            })?;
        }
    }

    /// Reads on until [`SNIFF`] bytes lie ahead or the input ends, so that a late decision has something to go by.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let want = SNIFF.max(self.buffer.len() + MAX_LINE) - self.buffer.len();
        let got = (&mut self.input).take(want as u64).read_to_end(&mut self.buffer)?;
        self.at_end = got < want;
        Ok(())
    }
}

/// UTF-16 turned into UTF-8 while it is read. Malformed input is an error that holds the [`Damage`].
pub(super) struct FromUtf16<R> {
    input: R,
    decoder: encoding_rs::Decoder,
    encoding: &'static str,
    out: String,
    at: usize,
    offset: u64,
    ended: bool,
    failed: Option<Damage>,
}

impl<R: Read> FromUtf16<R> {
    /// Reads `input`, whose byte order mark is gone already, as `charset`.
    pub(super) fn new(input: R, charset: &'static Charset) -> Self {
        Self {
            input,
            decoder: charset.new_decoder_without_bom_handling(),
            encoding: Text::Known(charset).name(),
            out: String::new(),
            at: 0,
            offset: 0,
            ended: false,
            failed: None,
        }
    }

    fn refill(&mut self) -> io::Result<()> {
        let mut raw = [0; 16 * 1024];
        let length = loop {
            match self.input.read(&mut raw) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.ended = length == 0;
        self.at = 0;
        self.out.clear();
        let room = self.decoder.max_utf8_buffer_length_without_replacement(length);
        self.out.reserve(room.unwrap_or(4 * raw.len()));
        let bytes = &raw[..length];
        let (result, read) =
            self.decoder.decode_to_string_without_replacement(bytes, &mut self.out, self.ended);
        if let DecoderResult::Malformed(bad, after) = result {
            let offset = (self.offset + read as u64).saturating_sub(u64::from(bad) + u64::from(after));
            self.failed = Some(Damage::Undecodable { encoding: self.encoding, offset });
        }
        self.offset += length as u64;
        Ok(())
    }
}

impl<R: Read> Read for FromUtf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.out.len() {
            if let Some(damage) = self.failed.take() {
                return Err(io::Error::other(damage));
            }
            if self.ended {
                return Ok(0);
            }
            self.refill()?;
        }
        let rest = &self.out.as_bytes()[self.at..];
        let length = buffer.len().min(rest.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.at += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8], text: Text) -> Result<Vec<String>, Damage> {
        let mut lines = Lines::new(bytes, text);
        let mut all = Vec::new();
        loop {
            let mut line = String::new();
            match lines.next_line(&mut line) {
                Ok(None) => return Ok(all),
                Ok(Some(_)) => all.push(line),
                Err(LineFault::Damage(damage)) => return Err(damage),
                Err(LineFault::Io(e)) => panic!("{e}"),
            }
        }
    }

    fn decided(bytes: &[u8]) -> Result<Text, Damage> {
        decide(bytes, true, |_| 0)
    }

    #[test]
    fn encodings_are_told_apart() {
        let text = "工号,姓名\n001,张三\n";
        assert_eq!(decided(b"id,name\n"), Ok(Text::Ascii));
        assert_eq!(decided(text.as_bytes()), Ok(Text::Known(UTF_8)));
        assert_eq!(decided(&GB18030.encode(text).0), Ok(Text::Known(GB18030)));
        let big5 = BIG5.encode("工號,姓名\n001,張三\n").0;
        assert_eq!(decide(&big5, true, |charset| usize::from(charset == BIG5)), Ok(Text::Known(BIG5)));
    }

    #[test]
    fn a_cut_utf8_file_is_not_taken_for_gbk() {
        let text = "工号,姓名\n001,张三".as_bytes();
        for end in text.len() - 2..text.len() {
            let cut = &text[..end];
            assert_eq!(decided(cut), Ok(Text::Known(UTF_8)));
            assert!(matches!(lines(cut, Text::Known(UTF_8)), Err(Damage::Undecodable { .. })));
        }
        let lone = "id,name\n1,张".as_bytes();
        assert!(matches!(decided(&lone[..lone.len() - 1]), Err(Damage::UnclearEncoding { .. })));
    }

    #[test]
    fn one_gbk_name_that_reads_as_utf8_too_is_no_guess() {
        for name in ["毛路", "路", "毛A", "罗强"] {
            let bytes = GB18030.encode(&format!("id,name\n1,{name}\n2,Li\n")).0.into_owned();
            if std::str::from_utf8(&bytes).is_ok() {
                assert!(matches!(decided(&bytes), Err(Damage::UnclearEncoding { .. })), "{name}");
            }
        }
        assert!(std::str::from_utf8(&GB18030.encode("毛路").0).is_ok(), "the first of them is such a name");
        for sound in ["José", "Jürgen Groß", "Пётр", "Ελένη", "王芳", "张伟", "Renée;Zoë", "毛路"]
        {
            let bytes = format!("id,name\n1,{sound}\n");
            assert_eq!(decided(bytes.as_bytes()), Ok(Text::Known(UTF_8)), "{sound}");
        }
    }

    #[test]
    fn four_byte_characters_come_through() {
        let text = "𠮷田,㛃,䶮";
        assert_eq!(lines(&GB18030.encode(text).0, Text::Known(GB18030)).unwrap(), [text]);
    }

    #[test]
    fn the_offset_of_a_bad_byte_is_exact() {
        let damage = lines(b"ab\n\xe5\xbc\xa0 \xff\n", Text::Known(UTF_8)).unwrap_err();
        assert_eq!(damage, Damage::Undecodable { encoding: "utf-8", offset: 7 });
        let damage = lines(b"ab\n\xd5\xc5 \xff\n", Text::Known(GB18030)).unwrap_err();
        assert_eq!(damage, Damage::Undecodable { encoding: "gb18030", offset: 6 });
    }

    #[test]
    fn joined_files_of_two_encodings_are_refused() {
        let mut bytes = GB18030.encode("工号,姓名\n001,张三\n").0.into_owned();
        bytes.extend("002,欧阳明日\n".as_bytes());
        assert!(matches!(lines(&bytes, Text::Known(GB18030)), Err(Damage::MixedEncodings { .. })));
    }

    #[test]
    fn utf16_is_read_with_and_without_a_mark() {
        let text = "工号,姓名\r\n001,张三\r\n";
        for (charset, bytes) in [
            (UTF_16LE, text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()),
            (UTF_16BE, text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        ] {
            assert_eq!(unmarked_utf16(&bytes), Some(charset));
            let mut read = String::new();
            FromUtf16::new(&*bytes, charset).read_to_string(&mut read).unwrap();
            assert_eq!(read, text);
            let cut = FromUtf16::new(&bytes[..bytes.len() - 1], charset).read_to_string(&mut read);
            assert!(cut.is_err());
        }
        assert_eq!(unmarked_utf16(b"id,name\n1,a\0b\n"), None);
    }

    #[test]
    fn an_endless_line_is_refused_in_bounded_memory() {
        let endless = std::io::repeat(b'a').take(10 << 30);
        let mut lines = Lines::new(endless, Text::Ascii);
        let fault = lines.next_line(&mut String::new());
        assert!(matches!(fault, Err(LineFault::Damage(Damage::LineTooLong { .. }))));
        assert!(lines.buffer.capacity() <= 2 * SNIFF);
    }
}
