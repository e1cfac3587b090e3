//! Chapters, one for each question.

// The chapters are also pages of the repository. Each page ends with definitions of its links, which
// lead to files there. The first definition of a label counts, so `links.md` comes first. Pictures are
// included above their page; `links.md` makes their links in the page invisible.

#[doc = include_str!("links.md")]
#[cfg_attr(feature = "clap", doc = include_str!("../docs/adding.md"))]
pub mod adding {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/moving.md")]
pub mod moving {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/readiness.md")]
pub mod readiness {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/control.md")]
pub mod control {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/clients.md")]
pub mod clients {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/restart.md")]
pub mod restart {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/logs.md")]
pub mod logs {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/service-managers.md")]
pub mod service_managers {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/administration.md")]
pub mod administration {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/processes.svg")]
#[doc = include_str!("../docs/how-it-works.md")]
pub mod how_it_works {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../docs/launch.svg")]
#[doc = include_str!("../docs/compared.md")]
pub mod compared {}

#[doc = include_str!("links.md")]
#[doc = include_str!("../SECURITY.md")]
pub mod security {}
