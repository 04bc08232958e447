"""The API, and limits for callers, uploads and downloads. Only this room uses internals of Gradio."""
