"""What the URLs are: one module per noun."""

from blog.resources.authors import Author, AuthorList
from blog.resources.posts import Post, PostList
from blog.resources.root import Root
from blog.resources.tags import TagList

ROUTES = (
    (Root, "/"),
    (PostList, "/post"),
    (Post, "/post/<post_id:post_id>"),
    (AuthorList, "/author"),
    (Author, "/author/<name>"),
    (TagList, "/tag"),
)
