//! Chapters that are too long for the front page.

// Each is a page of the repository too, and says at its end where its links lead from there. Of two
// definitions the first counts, so `links.md` stands before it.

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/processes.svg")]
#[doc = include_str!("../docs/how-it-works.md")]
pub mod how_it_works {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/adding.md")]
pub mod adding {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/readiness.md")]
pub mod readiness {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/service-managers.md")]
pub mod service_managers {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/compared.md")]
pub mod compared {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../SECURITY.md")]
pub mod security {}
