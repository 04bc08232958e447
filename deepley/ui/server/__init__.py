"""Between Gradio and the network: callers, uploads, fetched files, the API. Gradio's insides are touched here alone."""
