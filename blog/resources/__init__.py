"""The resources behind the URLs, one module per noun."""

from blog.resources.authors import Author, AuthorList
from blog.resources.changes import ChangeList
from blog.resources.health import Liveness, Readiness
from blog.resources.posts import Post, PostList
from blog.resources.revisions import Revision, RevisionDiff, RevisionList
from blog.resources.root import Root
from blog.resources.tags import TagList

ROUTES = (
    (Root, "/"),
    (PostList, "/post"),
    (Post, "/post/<post_id:post_id>"),
    (RevisionList, "/post/<post_id:post_id>/revision"),
    (Revision, "/post/<post_id:post_id>/revision/<number:number>"),
    (RevisionDiff, "/post/<post_id:post_id>/revision/<number:number>/diff"),
    (ChangeList, "/change"),
    (AuthorList, "/author"),
    (Author, "/author/<name>"),
    (TagList, "/tag"),
    (Liveness, "/health/live"),
    (Readiness, "/health/ready"),
)
