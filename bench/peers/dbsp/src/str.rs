//! A string for dbsp: reference counted, so that a clone costs no allocation.

use dbsp::utils::{IsNone, SupportsRoaring};
use rkyv::string::{ArchivedString, StringResolver};
use rkyv::{ser::Serializer, Archive, Deserialize, Fallible, Serialize};
use size_of::{Context, SizeOf};

#[derive(Clone, Default, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Str(pub arcstr::ArcStr);

impl SizeOf for Str {
    fn size_of_children(&self, context: &mut Context) {
        context.add(self.0.len());
    }
}

impl IsNone for Str {
    type Inner = Self;
    fn is_none(&self) -> bool {
        false
    }
    fn unwrap_or_self(&self) -> &Self {
        self
    }
    fn from_inner(inner: Self) -> Self {
        inner
    }
}

impl SupportsRoaring for Str {}

impl Archive for Str {
    type Archived = ArchivedString;
    type Resolver = StringResolver;
    unsafe fn resolve(&self, pos: usize, resolver: StringResolver, out: *mut ArchivedString) {
        ArchivedString::resolve_from_str(&self.0, pos, resolver, out);
    }
}

impl<S: Fallible + Serializer + ?Sized> Serialize<S> for Str {
    fn serialize(&self, serializer: &mut S) -> Result<StringResolver, S::Error> {
        ArchivedString::serialize_from_str(&self.0, serializer)
    }
}

impl<D: Fallible + ?Sized> Deserialize<Str, D> for ArchivedString {
    fn deserialize(&self, _: &mut D) -> Result<Str, D::Error> {
        Ok(Str(self.as_str().into()))
    }
}
