# Airflow 3.3.2 on Python 3.13. On the image's default, 3.14, task processes are no longer forked from the
# scheduler, and each would import ccxt again.
FROM astrocrpublic.azurecr.io/runtime:3.3-8-python-3.13

# Celery workers load plugins, and with them ccxt, once instead of once per task.
ENV AIRFLOW__CORE__LAZY_LOAD_PLUGINS=False

# The command candle-ingest.
ENV PATH="/usr/local/airflow/bin:${PATH}"
