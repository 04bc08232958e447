# docker build -t deepley . && docker run -p 7860:7860 -v deepley:/home/deepley/kept deepley
FROM python:3.11-slim

RUN useradd --create-home --uid 1000 deepley
WORKDIR /home/deepley/app

COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY app.py .
COPY deepley deepley
COPY weights weights

USER 1000
# What visitors leave (corrections, fine-tuning jobs) and what the Hub gave belong on a volume.
RUN mkdir /home/deepley/kept
ENV DEEPLEY_DATA=/home/deepley/kept/data \
    DEEPLEY_RUNS=/home/deepley/kept/runs \
    HF_HOME=/home/deepley/kept/huggingface \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_SERVER_PORT=7860 \
    PYTHONUNBUFFERED=1
VOLUME /home/deepley/kept
EXPOSE 7860
HEALTHCHECK --start-period=60s --timeout=5s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"GRADIO_SERVER_PORT\"]}/health', timeout=4)"]
CMD ["python", "app.py"]
