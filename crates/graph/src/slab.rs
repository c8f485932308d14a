//! A list of numbers that is in memory, or in a file that is mapped into memory.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use bytemuck::Pod;
use mmap_io::MemoryMappedFile;
use yoke::Yoke;

/// An immutable list. A clone shares it.
pub(crate) struct Slab<T: 'static>(Yoke<&'static [T], Arc<Backing<T>>>);

enum Backing<T> {
    Owned(Vec<T>),
    /// Bytes `range` of a file.
    Mapped(MemoryMappedFile, Range<u64>),
}

impl<T: Pod> Slab<T> {
    /// The numbers that the bytes `range` of a file hold; `None` if they are not there or not aligned.
    pub(crate) fn mapped(file: &MemoryMappedFile, range: Range<u64>) -> Option<Self> {
        let backing = Arc::new(Backing::Mapped(file.clone(), range));
        Yoke::try_attach_to_cart(backing, |backing| backing.slice().ok_or(())).ok().map(Self)
    }
}

impl<T: Pod> Backing<T> {
    fn slice(&self) -> Option<&[T]> {
        match self {
            Self::Owned(list) => Some(list),
            Self::Mapped(file, range) => {
                let length = range.end.checked_sub(range.start)?;
                bytemuck::try_cast_slice(file.as_slice_bytes(range.start, length).ok()?).ok()
            }
        }
    }
}

impl<T: 'static> From<Vec<T>> for Slab<T> {
    fn from(list: Vec<T>) -> Self {
        Self(Yoke::attach_to_cart(Arc::new(Backing::Owned(list)), |backing| match backing {
            Backing::Owned(list) => list.as_slice(),
            Backing::Mapped(..) => &[],
        }))
    }
}

impl<T: 'static> Deref for Slab<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        self.0.get()
    }
}

impl<T: 'static> Clone for Slab<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: PartialEq + 'static> PartialEq for Slab<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: fmt::Debug + 'static> fmt::Debug for Slab<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
