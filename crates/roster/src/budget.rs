//! What reading a roster may cost, every limit in one place: a small file can unpack to gigabytes, and a short line can
//! hold thousands of values. What these limits come to stays below the `MemoryMax=` of the units, with the roster mapped.
//! Each is counted before, or while, what it limits is built; where one is passed, nothing of the roster is used.

/// The largest file, in bytes.
pub(super) const FILE: u64 = 2 << 30;
/// The largest workbook, in bytes: its parts are read here and there, so it is kept in memory as a whole.
pub(super) const WORKBOOK: u64 = 256 << 20;
/// What all people of a run may take, in bytes, by our own count: some 1,600,000 usual ones.
pub(super) const PEOPLE: u64 = 768 << 20;
/// What one person takes besides their values, in bytes: the row's place, and the map that holds it.
pub(super) const ROW: u64 = 160;
/// What one part of a path or list takes besides its text, in bytes.
pub(super) const PART: u64 = 48;

/// How many times its size a file may unpack to. Real ones, of text that repeats much, come to a third of it.
const RATIO: u64 = 100;
/// What any file may unpack to, however small it is.
const SMALL: u64 = 64 << 20;

/// What a file of `bytes` may unpack to, in bytes. It bounds the time too.
pub(super) const fn unpacked(bytes: u64) -> u64 {
    let limit = bytes.saturating_mul(RATIO);
    if limit < SMALL {
        SMALL
    } else if limit > FILE {
        FILE
    } else {
        limit
    }
}

/// Blank lines of a text: as many as a sheet has rows.
pub(super) const BLANK_LINES: u64 = SHEET_ROWS;
/// Rows of a sheet: no more than Excel can have.
pub(super) const SHEET_ROWS: u64 = 1_048_576;
/// Columns of a sheet: the same.
pub(super) const SHEET_COLUMNS: u32 = 16_384;
/// Text of one row of a sheet, in bytes.
pub(super) const SHEET_ROW: usize = 1 << 20;
/// Regions of merged cells in a sheet.
pub(super) const MERGED: u64 = 100_000;
/// What the shared strings of a workbook may take in memory, in bytes.
pub(super) const STRINGS: u64 = 192 << 20;
/// What one shared string takes besides its text, in bytes.
pub(super) const STRING: u64 = 48;

/// Columns that hold no field and are watched all the same.
pub(super) const WATCHED: usize = 256;
/// Names that are compared for their spelling, how long they may be in bytes, and how deep a department is looked at.
pub(super) const SPELLED: usize = 50_000;
pub(super) const SPELLED_BYTES: usize = 256;
pub(super) const SPELLED_DEPTH: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_file_unpacks_to_little() {
        assert_eq!(unpacked(0), 64 << 20);
        assert_eq!(unpacked(2_400_000), 240_000_000);
        assert_eq!(unpacked(u64::MAX), FILE);
    }

    #[test]
    fn a_million_usual_people_fit() {
        // A key of 8 bytes, 60 bytes of texts, a phone number.
        let one = size_of::<crate::roster::Person>() as u64 + ROW + 8 + 60 + 11 + PART;
        assert!(one * 1_500_000 <= PEOPLE, "{one}");
    }
}
