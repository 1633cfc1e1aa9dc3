//! What a backup says of itself.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use object_store::path::Path;
use serde::{Deserialize, Serialize};
use time::{Date, Month, OffsetDateTime, Time};

/// Newest format of records that this version reads and writes; the first knew no state.
pub(crate) const FORMAT: u32 = 2;

/// Names a backup by the second it began, in UTC: `20261124T023000Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct BackupId(OffsetDateTime);

impl BackupId {
    /// The backup that begins at this moment.
    pub fn at(now: OffsetDateTime) -> Self {
        let utc = now.to_offset(time::UtcOffset::UTC);
        Self(utc.replace_nanosecond(0).expect("zero is a nanosecond"))
    }

    /// When it began.
    pub fn time(self) -> OffsetDateTime {
        self.0
    }
}

impl fmt::Display for BackupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.0.to_calendar_date();
        let (hour, minute, second) = self.0.to_hms();
        let text = format!("{year:04}{:02}{day:02}T{hour:02}{minute:02}{second:02}Z", u8::from(month));
        f.pad(&text)
    }
}

impl FromStr for BackupId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("'{text}' is not the name of a backup, expected one like 20261124T023000Z");
        let is_one = text.len() == 16 && text.is_ascii() && text.as_bytes()[8] == b'T' && text.ends_with('Z');
        let number =
            |range: Range<usize>| text.get(range).and_then(|digits| digits.parse::<u16>().ok()).ok_or_else(wrong);
        let short = |range: Range<usize>| number(range).and_then(|number| u8::try_from(number).map_err(|_| wrong()));
        if !is_one {
            return Err(wrong());
        }
        let month = Month::try_from(short(4..6)?).map_err(|_| wrong())?;
        let date = Date::from_calendar_date(i32::from(number(0..4)?), month, short(6..8)?).map_err(|_| wrong())?;
        let time = Time::from_hms(short(9..11)?, short(11..13)?, short(13..15)?).map_err(|_| wrong())?;
        Ok(Self(date.with_time(time).assume_utc()))
    }
}

impl From<BackupId> for String {
    fn from(id: BackupId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for BackupId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// Which part of a server an object belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part {
    /// Rows in the lake: shared by the backups of a place.
    Files,
    /// What makes the files a lake.
    Manifest,
    /// Rows that were not in the lake yet.
    Wal,
    /// The products' own.
    State,
}

impl Part {
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Part::Files => "files",
            Part::Manifest => "manifest",
            Part::Wal => "wal",
            Part::State => "state",
        }
    }
}

/// One object of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Object {
    pub(crate) part: Part,
    /// Where it was, within its part.
    pub(crate) path: String,
    pub(crate) bytes: u64,
    /// In hexadecimal.
    pub(crate) sha256: String,
}

impl Object {
    /// Where it lies in the place of the backups.
    pub(crate) fn stored(&self, id: BackupId) -> Path {
        let folder = self.part.folder();
        match self.part {
            Part::Files => Path::from(format!("{folder}/{}", self.path)),
            Part::Manifest | Part::Wal | Part::State => Path::from(format!("{id}/{folder}/{}", self.path)),
        }
    }
}

/// Everything that a backup consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub(crate) format: u32,
    /// Its name.
    pub id: BackupId,
    /// Version of the program that made it.
    pub version: String,
    pub(crate) objects: Vec<Object>,
}

impl Record {
    /// Number of objects.
    pub fn objects(&self) -> usize {
        self.objects.len()
    }

    /// Size of all objects, shared ones too, in bytes.
    pub fn bytes(&self) -> u64 {
        self.objects.iter().map(|object| object.bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        let id: BackupId = "20261124T023005Z".parse().expect("a name");

        assert_eq!(id.to_string(), "20261124T023005Z");
        for wrong in ["", "2026", "20261324T023005Z", "20261124T253005Z", "20261124 023005Z", "2026112éT23005Z"] {
            assert!(wrong.parse::<BackupId>().is_err(), "{wrong}");
        }
    }
}
