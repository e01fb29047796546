use super::Op;
use crate::{About, DecodeError, Decoder, Sale};
#[allow(missing_docs, clippy::unused_self)]
impl Decoder {
    pub fn changes(&mut self, _: &[u8], _: About<'_>) -> Result<usize, DecodeError> {
        Ok(1)
    }
    pub fn op(&self, _: usize) -> Op {
        Op::Put
    }
    pub fn now<'a>(
        &'a mut self,
        record: &'a [u8],
        about: About<'_>,
        _: usize,
    ) -> Result<Sale<'a>, DecodeError> {
        self.decode_about(record, about)
    }
    pub fn ended<'a>(
        &'a mut self,
        record: &'a [u8],
        about: About<'_>,
        _: usize,
    ) -> Result<Sale<'a>, DecodeError> {
        self.decode_about(record, about)
    }
    pub fn before<'a>(
        &'a mut self,
        _: &'a [u8],
        _: About<'_>,
        _: usize,
    ) -> Result<Option<Sale<'a>>, DecodeError> {
        Ok(None)
    }
}
