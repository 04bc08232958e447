"""The page: one module a tab, assembled by `page`. The only room that imports gradio."""
