//! A record is the present row of its key, or its end.

use super::{Change, Op, Row, whole};
use crate::about::About;
use crate::error::{self, DecodeError};

impl Change {
    pub(super) fn upsert(&mut self, record: &[u8], about: About<'_>) -> Result<(), DecodeError> {
        if record.is_empty() {
            if self.ends_by_key {
                return self.one(Row::of(Op::End));
            }
            let detail = "the record has no bytes, and no 'key.format' says whose end that is";
            return Err(DecodeError::new(error::EMPTY, detail.to_owned()));
        }
        let all = whole(record);
        if self.deletes && self.key_only.is_delete(record, about)? {
            return self.one(Row {
                gone: Some(all),
                ..Row::of(Op::End)
            });
        }
        self.one(Row::put(Op::Put, all))
    }
}
