//! What the layers do to each other: the merged view, A/C/D, and which copies lose their last name. [Model](crate::model) 2 to 4.
//!
//! Layers are applied bottom to top to one array of slots, one for each path ([`view`]). What a layer touched is noted
//! with what was there before, and that note is all that is looked at afterwards ([`merger`]): the cost is that of the
//! entries, whatever the size of the image below. Equal content is established last and only where it matters
//! ([`identity`]).

pub mod changes;
pub mod identity;
pub mod merger;
pub mod view;
