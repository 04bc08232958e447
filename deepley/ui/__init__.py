"""The page: one module for each tab, assembled by `page`. Only this room imports Gradio."""
